/**
 * Loaded into an instance by `NODE_OPTIONS=--import`: writes how late its main event loop is, for `loop.ts`. Each line is a moment (epoch
 * milliseconds) and what was seen up to it: how late each look was, and how much processor time its thread had used since the one before, both in
 * milliseconds. On a busy machine only the latter says how long others would have waited on a quiet one.
 */
import { appendFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const everyMs = 10
const writeEveryMs = 500

const file = process.env['BENCH_LOOP_FILE']
if (file !== undefined && isMainThread) {
  let due = performance.now() + everyMs
  let writtenAt = performance.now()
  let cpu = process.threadCpuUsage()
  let delays: string[] = []
  setInterval(() => {
    const now = performance.now()
    const { user, system } = process.threadCpuUsage(cpu)
    cpu = process.threadCpuUsage()
    delays.push(`${Math.max(0, now - due).toFixed(1)}/${((user + system) / 1_000).toFixed(1)}`)
    due = now + everyMs
    if (now - writtenAt < writeEveryMs) return
    appendFileSync(file, `${Date.now()} ${delays.join(' ')}\n`)
    delays = []
    writtenAt = now
  }, everyMs).unref()
}
