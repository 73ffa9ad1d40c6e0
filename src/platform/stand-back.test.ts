import { getPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { expect, test } from 'vitest'

test.runIf(process.platform === 'linux')(
  'a thread stands back, and the program with its other threads does not',
  async () => {
    const before = getPriority()
    const module = new URL('./stand-back.ts', import.meta.url)
    const code = `
    import { readlinkSync } from 'node:fs'
    import { getPriority } from 'node:os'
    import { parentPort } from 'node:worker_threads'
    import { standBack } from ${JSON.stringify(module.href)}
    standBack()
    parentPort.postMessage(getPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1))))
  `
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`))
    try {
      expect(await once(worker, 'message')).toEqual([Math.min(19, before + 5)])
      expect(getPriority()).toBe(before)
    } finally {
      await worker.terminate()
    }
  },
)
