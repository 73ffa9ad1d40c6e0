// Written by `npm run generate`; do not edit.
import type { AnyPlugin } from '../sdk/index.ts'
import email from './email.ts'
import prometheusRemoteWrite from './prometheus-remote-write.ts'
import webhook from './webhook.ts'

export const plugins: readonly AnyPlugin[] = [email, prometheusRemoteWrite, webhook]
