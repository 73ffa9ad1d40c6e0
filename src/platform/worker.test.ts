import { afterEach, expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { OccasionalWorker, WorkerClient } from './worker.ts'

// A thread that says which one it is, and takes its time where it is told to; it answers in order.
const text = `
import { parentPort, threadId } from 'node:worker_threads'
let chain = Promise.resolve()
parentPort.on('message', ({ id, method }) => {
  chain = chain.then(async () => {
    if (method === 'slow') await new Promise((resolve) => setTimeout(resolve, 50))
    parentPort.postMessage(method === 'fail' ? { id, error: { message: 'no', hint: '' } } : { id, value: threadId })
  })
})`
const module = new URL(`data:text/javascript,${encodeURIComponent(text)}`)

interface Methods {
  readonly [name: string]: (input: never) => unknown
  which(input: undefined): number
  slow(input: undefined): number
  fail(input: undefined): number
  close(input: undefined): number
}

const clock = new ManualClock()
const seen: string[] = []
let worker: OccasionalWorker<Methods> | undefined

function make(): OccasionalWorker<Methods> {
  worker = new OccasionalWorker<Methods>({
    start() {
      const client = new WorkerClient<Methods>(module, undefined, 'test')
      const { call, end } = client
      seen.push('started')
      client.call = (method, ...rest) => {
        if (method === 'close') seen.push('closed')
        return call.call(client, method, ...rest) as never
      }
      client.end = () => {
        seen.push('ended')
        return end.call(client)
      }
      return client
    },
    clock,
    restMs: 1_000,
  })
  return worker
}

afterEach(async () => {
  await worker?.end()
  seen.length = 0
})

test('a thread starts with the first call, answers all until it had nothing to do for a while, and another answers what comes then', async () => {
  const occasional = make()
  const before = [...seen]
  const first = await occasional.call('which', undefined)
  clock.advance(999)
  const second = await occasional.call('which', undefined)
  clock.advance(999)
  const third = await occasional.call('which', undefined)
  clock.advance(1_000)
  const fourth = await occasional.call('which', undefined)
  expect([before, second === first, third === first, fourth === first]).toEqual([[], true, true, false])
  expect(seen.filter((what) => what === 'started')).toHaveLength(2)
})

test('a thread that still answers is not taken for one that rests', async () => {
  const occasional = make()
  await occasional.call('which', undefined)
  const slow = occasional.call('slow', undefined)
  clock.advance(5_000)
  expect([await slow, seen]).toEqual([expect.any(Number), ['started']])
})

test('a call that fails says why, and the thread is there for the next', async () => {
  const occasional = make()
  await expect(occasional.call('fail', undefined)).rejects.toThrow('no')
  await occasional.call('which', undefined)
  expect(seen).toEqual(['started'])
})

test('it ends after what waits was answered and what it holds was closed; nothing starts afterwards, however often it is ended', async () => {
  const occasional = make()
  const slow = occasional.call('slow', undefined)
  await Promise.all([occasional.end(), occasional.end()])
  expect([await slow, seen]).toEqual([expect.any(Number), ['started', 'closed', 'ended']])
  await expect(occasional.call('which', undefined)).rejects.toMatchObject({ code: 'shutting-down' })
  await occasional.end()
  expect(seen).toEqual(['started', 'closed', 'ended'])
})

test('one that was never asked has nothing to end', async () => {
  await make().end()
  expect(seen).toEqual([])
})
