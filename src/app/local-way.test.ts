import { expect, test } from 'vitest'
import type { Assignment, ServerLink, UploadBatch } from '../model/index.ts'
import { LocalWay } from './local-way.ts'

const signal = new AbortController().signal
const batch: UploadBatch = { format: 1, agent: 'a', spool: 's', from: 0, entries: [] }
const answer = { acknowledged: 0, safe: 0, pauseMs: 0 }
const work = (version: string) => ({ version, connectors: [], tasks: [], settings: {} }) as unknown as Assignment

/** A server that has work of one version, and news only when its caller gives up. */
function acting(version: string, taken: string[]): ServerLink {
  return {
    assignment: (known, gone) =>
      known === version
        ? new Promise((resolve) => gone.addEventListener('abort', () => resolve(undefined), { once: true }))
        : Promise.resolve(work(version)),
    upload: async ({ spool }) => {
      taken.push(`${version} took ${spool}`)
      return answer
    },
  }
}

test('an agent has what the server that acts gives, nothing once it stops acting, and work again when it acts again', async () => {
  const way = new LocalWay()
  const first = way.assignment(undefined, signal)
  way.follow(acting('one', []))
  // The first call waited for a server that acts; the next one is answered by it.
  const versions = [(await first)?.version, (await way.assignment(undefined, signal))?.version]
  const waiting = way.assignment('one', signal)
  way.follow(undefined)
  versions.push((await waiting)?.version, (await way.assignment('one', signal))?.version)
  way.follow(acting('two', []))
  versions.push((await way.assignment('idle 1', signal))?.version)
  expect(versions).toEqual([undefined, 'one', undefined, 'idle 1', 'two'])
})

test('results wait until somebody takes them: the server here, or the one elsewhere', async () => {
  const way = new LocalWay()
  const taken: string[] = []
  const early = way.upload(batch, signal)
  way.follow(acting('one', taken))
  await early
  way.follow(undefined)
  const between = way.upload(batch, signal)
  way.forward(async ({ spool }) => {
    taken.push(`the other server took ${spool}`)
    return answer
  })
  await between
  expect(taken).toEqual(['one took s', 'the other server took s'])
})

test('an agent that ends does not wait for either', async () => {
  const way = new LocalWay()
  const ending = new AbortController()
  const upload = way.upload(batch, ending.signal)
  const assignment = way.assignment(undefined, ending.signal)
  ending.abort(new Error('it ends'))
  await expect(upload).rejects.toThrow('it ends')
  expect(await assignment).toBeUndefined()
})
