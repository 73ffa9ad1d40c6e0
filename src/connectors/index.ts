// Written by `npm run generate`; do not edit.
import type { AnyConnector } from '../sdk/index.ts'

export const connectors: readonly AnyConnector[] = []
