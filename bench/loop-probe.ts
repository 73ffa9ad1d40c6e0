/**
 * Loaded into an instance by `NODE_OPTIONS=--import`: writes how late its main event loop is, for `loop.ts`. Each line is a moment (epoch
 * milliseconds) and the delays that were seen up to it, in milliseconds.
 */
import { appendFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const everyMs = 10
const writeEveryMs = 500

const file = process.env['BENCH_LOOP_FILE']
if (file !== undefined && isMainThread) {
  let due = performance.now() + everyMs
  let writtenAt = performance.now()
  let delays: string[] = []
  setInterval(() => {
    const now = performance.now()
    delays.push(Math.max(0, now - due).toFixed(1))
    due = now + everyMs
    if (now - writtenAt < writeEveryMs) return
    appendFileSync(file, `${Date.now()} ${delays.join(' ')}\n`)
    delays = []
    writtenAt = now
  }, everyMs).unref()
}
