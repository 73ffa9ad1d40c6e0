import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Direction } from '../failover/index.ts'
import type { UploadBatch } from '../model/index.ts'
import type { ReplicationFollower, ReplicationSource } from '../replication/index.ts'
import { PairExchange, type PairExchangeParts } from './pair-exchange.ts'

// Two sides, each with what it has and what was done to it; what replication says is words here.

const bytes = (text: string) => Buffer.from(text)

class Side {
  direction: Direction
  readonly done: string[] = []
  secret: Uint8Array
  readonly exchange: PairExchange
  /** What happens between what was asked for and its turn. */
  beforeTurn: () => void = () => undefined

  constructor(direction: Direction, secret: string, versions = { min: 1, max: 1 }) {
    this.direction = direction
    this.secret = bytes(secret)
    const pair = generateKeyPairSync('x25519')
    const sealing = {
      publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      privateKey: createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })),
    }
    const { done } = this
    const key = () => this.secret
    const adopt = (next: Uint8Array) => {
      this.secret = next
    }
    // As far as the exchange uses them.
    const parts = {
      source: {
        answer: async (asked: Uint8Array) => bytes(`answer to ${Buffer.from(asked).toString()}`),
        lag: async () => ({}),
      },
      follower: {
        request: async (version: number) => bytes(`request ${done.length}${version === 1 ? '' : ` in ${version}`}`),
        take: async (body: Uint8Array) => {
          done.push(`took ${Buffer.from(body).toString()}`)
          return { more: false, pauseMs: 0 }
        },
        states: () => ({}),
      },
      vault: {
        get keyFingerprint() {
          return `key ${key().toString()}`
        },
        key,
        adopt: async (next: Uint8Array) => adopt(Buffer.from(next)),
      },
      keys: () => ({ sealing }),
      versions,
      // Agreed with one of the first two versions.
      agreed: () => Math.min(versions.max, 2),
      direction: () => this.direction,
      carried: async () => undefined,
      inTurn: async <T>(act: () => Promise<T>) => {
        this.beforeTurn()
        return act()
      },
      follow: async () => void done.push('follows'),
      moved: async () => undefined,
      upload: async ({ spool }: UploadBatch) => {
        done.push(`stored ${spool}`)
        return { acknowledged: 2, safe: 1, pauseMs: 0 }
      },
      keepWork: async (work: unknown) => void done.push(`kept ${JSON.stringify(work)}`),
    } as unknown as PairExchangeParts & { readonly source: ReplicationSource; readonly follower: ReplicationFollower }
    this.exchange = new PairExchange(parts)
  }
}

const between = (primary: Side) => (message: Uint8Array) => primary.exchange.answer(message)
const batch = { format: 1, agent: 'a', spool: 'left over', from: 0, entries: [] } as const

test('a SECONDARY that follows asks, and gets the key of secrets of the one that acts before what it opens', async () => {
  const [primary, secondary] = [new Side('gives', 'one key'), new Side('takes', 'another key')]
  const more = await secondary.exchange.round(between(primary), 0)
  expect([more, secondary.done, secondary.secret.toString()]).toEqual([
    false,
    ['follows', 'follows', 'took answer to request 1'],
    'one key',
  ])
})

test('a SECONDARY that acts gives what the PRIMARY asked for the last time', async () => {
  const [primary, secondary] = [new Side('takes', 'key'), new Side('gives', 'key')]
  const rounds = [
    await secondary.exchange.round(between(primary), 0),
    await secondary.exchange.round(between(primary), 0),
  ]
  expect([rounds, primary.done]).toEqual([
    [true, false],
    ['follows', 'follows', 'took answer to request 1', 'follows'],
  ])
})

test.each([
  ['the SECONDARY', 'gives', 'takes'],
  ['the PRIMARY', 'takes', 'gives'],
] as const)(
  'results that %s has left go to the side that acts, and are answered',
  async (_, ofPrimary, ofSecondary) => {
    const [primary, secondary] = [new Side(ofPrimary, 'key'), new Side(ofSecondary, 'key')]
    const [follower, active] = ofPrimary === 'takes' ? [primary, secondary] : [secondary, primary]
    const answer = follower.exchange.uploadToActive(batch)
    const work = follower.exchange.giveWork({ is: 'a piece' })
    for (let i = 0; i < 4; i++) await secondary.exchange.round(between(primary), 0)
    await work
    expect([await answer, active.done.filter((line) => /^(stored|kept)/.test(line))]).toEqual([
      { acknowledged: 2, safe: 1, pauseMs: 0 },
      ['stored left over', 'kept {"is":"a piece"}'],
    ])
  },
)

test('a side that has begun to act before its turn came does not begin to follow', async () => {
  const [primary, secondary] = [new Side('gives', 'key'), new Side('takes', 'key')]
  secondary.beforeTurn = () => (secondary.direction = 'gives')
  await expect(secondary.exchange.round(between(primary), 0)).rejects.toMatchObject({ code: 'conflict' })
  expect(secondary.done).toEqual([])
})

test('a side that does not act takes no results, and one that ends lets those go that wait', async () => {
  const [primary, secondary] = [new Side('none', 'key'), new Side('takes', 'key')]
  const answer = secondary.exchange.uploadToActive(batch)
  const failure = await secondary.exchange.round(between(primary), 0).catch((thrown: unknown) => thrown)
  secondary.exchange.dropUploads()
  expect(failure).toMatchObject({ code: 'conflict' })
  await expect(answer).rejects.toMatchObject({ code: 'unreachable' })
})

test.each([
  ['the SECONDARY follows', 'gives', 'takes'],
  ['the PRIMARY follows', 'takes', 'gives'],
] as const)(
  'both speak as they agreed where %s, the head and what replication says',
  async (_, ofPrimary, ofSecondary) => {
    const neighbours = { min: 1, max: 2 }
    const [primary, secondary] = [new Side(ofPrimary, 'key', neighbours), new Side(ofSecondary, 'key', neighbours)]
    const formats: unknown[] = []
    const formatOf = (message: Uint8Array) => /"format":(\d+)/.exec(Buffer.from(message).toString('latin1'))?.[1]
    for (let i = 0; i < 2; i++)
      await secondary.exchange.round(async (message) => {
        const answer = await primary.exchange.answer(message)
        formats.push([formatOf(message), formatOf(answer)])
        return answer
      }, 0)
    const follower = ofPrimary === 'takes' ? primary : secondary
    const took = follower.done.filter((line) => line.startsWith('took'))
    expect([formats, took.every((line) => line.endsWith(' in 2')), took.length > 0]).toEqual([
      [
        ['2', '2'],
        ['2', '2'],
      ],
      true,
      true,
    ])
  },
)

test('a format of which this server knows nothing is refused with words', async () => {
  const [primary, secondary] = [new Side('gives', 'key'), new Side('takes', 'key', { min: 2, max: 3 })]
  await expect(secondary.exchange.round(between(primary), 0)).rejects.toMatchObject({
    code: 'bad-request',
    message:
      'an exchange with the other server of the pair cannot be read: it has the format 2, and this server knows 1',
  })
})

test('what is no exchange is refused with words', async () => {
  const primary = new Side('gives', 'key')
  await expect(primary.exchange.answer(bytes('nonsense'))).rejects.toMatchObject({ code: 'bad-request' })
})
