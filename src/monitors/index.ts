// Written by `npm run generate`; do not edit.
import type { AnyMonitor } from '../sdk/index.ts'

export const monitors: readonly AnyMonitor[] = []
