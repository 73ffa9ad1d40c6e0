import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FarwatchError, ManualClock, type Clock } from '../base/index.ts'
import { fingerprintOf, openKeystore, prepareDataDirectory, systemClock } from '../platform/index.ts'
import { Connections, type Got, type Sent, type Signer } from '../platform/wire/index.ts'
import { Answering, type AnsweringOptions } from './answering.ts'
import { Polling, RefusedByPeer, type PollingOptions } from './polling.ts'
import type { Report } from './state.ts'

const primaryUuid = '11111111-1111-4111-8111-111111111111'
const secondaryUuid = '22222222-2222-4222-8222-222222222222'
const signal = new AbortController().signal

const polledWith = ({ signer, publicKey }: ReturnType<typeof makeSigner>) => ({
  signer: () => signer,
  publicKey: () => publicKey,
})

function makeSigner(uuid = secondaryUuid): { readonly signer: Signer; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const fingerprint = fingerprintOf(publicKey.export({ type: 'spki', format: 'der' }))
  return {
    signer: { uuid, privateKey, fingerprint },
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}

const report = (change: Partial<Report> = {}): Report => ({
  state: 'standby',
  isOn: true,
  acts: false,
  term: 1,
  position: { term: 1, count: 5 },
  isWhole: true,
  unsound: undefined,
  followers: 0,
  configuration: 'c1',
  handOver: 'none',
  asksForHandOver: false,
  ...change,
})
const primaryReport = report({
  state: 'active',
  acts: true,
  followers: 3,
  unsound: 'disk full',
  handOver: 'catching up',
})

/** Both halves, joined by a function instead of a network. */
class Joined {
  readonly clock = new ManualClock()
  readonly heard: Report[] = []
  readonly keys = makeSigner()
  pinned: string | undefined
  answering: Answering
  polling: Polling
  /** What is done to requests on their way. */
  onWay: (sent: Sent) => Sent = (sent) => sent

  constructor(
    options: { readonly answering?: Partial<AnsweringOptions>; readonly polling?: Partial<PollingOptions> } = {},
  ) {
    this.answering = this.makeAnswering(options.answering)
    this.polling = this.makePolling(options.polling)
    this.clock.advance(120_000)
  }

  makeAnswering(options: Partial<AnsweringOptions> = {}): Answering {
    return new Answering({
      clock: this.clock,
      uuid: primaryUuid,
      version: '1.0.0',
      role: () => 'PRIMARY',
      peerUuid: () => secondaryUuid,
      peerKey: {
        read: () => this.pinned,
        pin: async (fingerprint) => {
          this.pinned = fingerprint
        },
      },
      heard: async (said) => {
        this.heard.push(said)
        return primaryReport
      },
      exchange: async (message) => Buffer.concat([Buffer.from('answer to '), message]),
      ...options,
    })
  }

  makePolling(options: Partial<PollingOptions> = {}): Polling {
    return new Polling({
      clock: this.clock,
      ...polledWith(this.keys),
      version: '1.1.0',
      boot: randomUUID(),
      peerUrl: () => 'https://a.example:8443/behind/proxy/',
      peerUuid: () => '',
      send: async (sent) => this.deliver(this.onWay(sent)),
      ...options,
    })
  }

  async deliver({ url, headers, body }: Sent): Promise<Got> {
    const {
      status,
      headers: answered,
      body: bytes,
    } = await this.answering.handle({ method: 'POST', path: url.pathname, headers, body })
    return { status, headers: answered, body: Buffer.from(bytes) }
  }

  poll(said = report()): ReturnType<Polling['poll']> {
    return this.polling.poll(said, 5_000, signal)
  }

  async refusal(): Promise<string> {
    return this.poll().then(
      () => 'taken',
      (thrown: unknown) =>
        thrown instanceof RefusedByPeer
          ? `${thrown.reason}: ${thrown.message}`
          : thrown instanceof FarwatchError
            ? `${thrown.code}: ${thrown.message}`
            : String(thrown),
    )
  }
}

test('a poll says what the SECONDARY is, and brings back what the PRIMARY is', async () => {
  const joined = new Joined()
  const said = report({ asksForHandOver: true, unsound: 'database corrupt' })
  const answered = await joined.poll(said)
  expect({ answered, heard: joined.heard, pinned: joined.pinned }).toEqual({
    answered: { uuid: primaryUuid, version: '1.0.0', protocol: 1, report: primaryReport },
    heard: [said],
    pinned: joined.keys.signer.fingerprint,
  })
})

test('what each knows of the ways to the two servers is said along, and who is behind another address is asked without being known', async () => {
  const heard: unknown[] = []
  const tried = { url: 'https://portal.example', problem: 'nobody listens there' }
  const joined = new Joined({
    answering: {
      ways: () => ({ agents: 2 }),
      heard: async (_, { ways }) => {
        heard.push(ways)
        return primaryReport
      },
    },
    polling: { ways: () => ({ agents: 3, tried }) },
  })
  const { ways } = await joined.poll()
  const found = await joined.polling.reach('https://portal.example/', 5_000, signal)
  expect({ heard, ways, found }).toEqual({ heard: [{ agents: 3, tried }], ways: { agents: 2 }, found: primaryUuid })
})

test('it goes over HTTPS, with a certificate that is trusted', async () => {
  const path = mkdtempSync(join(tmpdir(), 'farwatch-pair-'))
  const keystore = await openKeystore(await prepareDataDirectory(path, systemClock.now()), {
    now: () => systemClock.now(),
    onProblem: () => undefined,
  })
  // It was started a minute ago: what is signed before a start is asked for once more.
  let startedMsAgo = 0
  const clock: Clock = { ...systemClock, elapsed: () => systemClock.elapsed() + startedMsAgo }
  const joined = new Joined({ answering: { clock } })
  startedMsAgo = 60_000
  const { key, cert } = keystore.tlsMaterial()
  const server = createServer({ key, cert }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      void joined.answering
        .handle({ method, path: url, headers, body: Buffer.concat(chunks) })
        .then((answer) => response.writeHead(answer.status, { ...answer.headers }).end(answer.body))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const own = keystore.own()
  const connectionsTrusting = (isTrusted: boolean) =>
    new Connections({
      clock: systemClock,
      proxy: () => undefined,
      trust: { authorities: () => [], trusts: (fingerprint) => isTrusted && fingerprint === own.fingerprint },
    })
  const [trusting, wary] = [connectionsTrusting(true), connectionsTrusting(false)]
  try {
    const polling = (connections: Connections) =>
      joined.makePolling({
        clock: systemClock,
        peerUrl: () => `https://localhost:${port}`,
        send: (sent, stop) => connections.send(sent, stop),
      })
    const answered = await polling(trusting).poll(report(), 5_000, signal)
    const distrusted = await polling(wary)
      .poll(report(), 5_000, signal)
      .catch((thrown: unknown) => (thrown as FarwatchError).code)
    expect([answered.report, distrusted]).toEqual([primaryReport, 'untrusted-certificate'])
  } finally {
    trusting.close()
    wary.close()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
    keystore.close()
    rmSync(path, { recursive: true, force: true })
  }
})

// how things are → what the SECONDARY is told
const refused: Readonly<Record<string, readonly [ConstructorParameters<typeof Joined>[0], string]>> = {
  'a PRIMARY that has no SECONDARY': [
    { answering: { peerUuid: () => '' } },
    'stranger: the PRIMARY refused: this PRIMARY has no SECONDARY yet',
  ],
  'a PRIMARY that has another one': [
    { answering: { peerUuid: () => '33333333-3333-4333-8333-333333333333' } },
    `stranger: the PRIMARY refused: this PRIMARY has another SECONDARY than ${secondaryUuid}`,
  ],
  'another SECONDARY': [
    { answering: { role: () => 'SECONDARY' } },
    'stranger: the PRIMARY refused: this server is not the PRIMARY of a pair (its role is SECONDARY)',
  ],
  itself: [
    { answering: { uuid: secondaryUuid } },
    'refused: the PRIMARY refused: the SECONDARY polls itself, or two instances have one UUID',
  ],
  'versions that do not go together': [
    { answering: { protocol: { min: 3, max: 4 } } },
    "versions: the PRIMARY refused: the PRIMARY speaks the versions 3 to 4 of the pair's protocol, the SECONDARY 1",
  ],
  'another instance than was set': [
    { polling: { peerUuid: () => '33333333-3333-4333-8333-333333333333' } },
    `conflict: https://a.example:8443 is the instance ${primaryUuid}, and the PRIMARY is 33333333-3333-4333-8333-333333333333`,
  ],
  'what is no Farwatch': [
    { polling: { send: async () => ({ status: 502, headers: {}, body: Buffer.from('<html>') }) } },
    'unreachable: https://a.example:8443 answered HTTP 502, and not as the PRIMARY of a pair does',
  ],
}

test.each(Object.entries(refused))('refused: %s', async (_, [options, words]) => {
  expect(await new Joined(options).refusal()).toBe(words)
})

test('neighbouring versions settle on the older one', async () => {
  const joined = new Joined({ answering: { protocol: { min: 1, max: 2 } } })
  const newer = new Joined({ polling: { protocol: { min: 1, max: 2 } } })
  expect([(await joined.poll()).protocol, (await newer.poll()).protocol]).toEqual([1, 1])
})

test('a SECONDARY whose clock is wrong by a day corrects itself', async () => {
  const joined = new Joined()
  joined.polling = joined.makePolling({
    clock: { now: () => joined.clock.now() + 86_400_000, elapsed: () => 0, after: () => () => undefined },
  })
  expect((await joined.poll()).report).toEqual(primaryReport)
})

test('another key under the UUID of the SECONDARY is refused', async () => {
  const joined = new Joined()
  await joined.poll()
  const { fingerprint } = joined.keys.signer
  const impostor = makeSigner()
  joined.polling = joined.makePolling(polledWith(impostor))
  expect(await joined.refusal()).toBe(
    `key: the PRIMARY refused: the SECONDARY ${secondaryUuid} was first seen with the key ${fingerprint}, and this poll is signed with ${impostor.signer.fingerprint}`,
  )
})

test('a body that was changed on the way is refused', async () => {
  const joined = new Joined()
  joined.onWay = (sent) => ({ ...sent, body: Buffer.from(sent.body).fill(0x20, 10, 11) })
  expect([await joined.refusal(), joined.heard]).toEqual([
    'refused: the PRIMARY refused: the body is not the one that was signed',
    [],
  ])
})

test('a poll that comes a second time, or late, is not believed', async () => {
  const joined = new Joined()
  const recorded: Sent[] = []
  joined.onWay = (sent) => {
    recorded.push(sent)
    return sent
  }
  const lost = joined.makePolling()
  joined.polling = lost
  const deliver = joined.deliver.bind(joined)
  // The first does not arrive in time.
  joined.deliver = async () => {
    throw new FarwatchError('unreachable', 'nothing came')
  }
  const first = await joined.refusal()
  joined.deliver = deliver
  await joined.poll()
  const reasonOf = async (sent: Sent) =>
    (JSON.parse((await deliver(sent)).body.toString()) as { refused?: { reason: string; message: string } }).refused
      ?.message
  const again = await reasonOf(recorded[1]!)
  const late = await reasonOf(recorded[0]!)
  // Also of an earlier start, once a later one has been heard.
  joined.polling = joined.makePolling()
  await joined.poll()
  joined.polling = lost
  expect({ first, again, late, former: await joined.refusal(), heard: joined.heard.length }).toEqual({
    first: 'unreachable: nothing came',
    again: 'the message was sent a second time, or there are too many',
    late: 'a later poll of the SECONDARY was here before',
    former: 'overtaken: the PRIMARY refused: a later poll of the SECONDARY was here before',
    heard: 2,
  })
})

test('what was signed before the PRIMARY started is asked for once more', async () => {
  const joined = new Joined()
  let recorded: Sent | undefined
  joined.onWay = (sent) => (recorded = sent)
  await joined.poll()
  joined.clock.advance(1_000)
  joined.answering = joined.makeAnswering()
  const replayed = await joined.deliver(recorded!)
  const { refused: why } = JSON.parse(replayed.body.toString()) as { refused?: { reason: string } }
  expect([why?.reason, (await joined.poll()).uuid]).toEqual(['clock', primaryUuid])
})

test('members that a newer side added are read over, and what it says of a hand-over that is not known is none', async () => {
  const joined = new Joined({
    answering: {
      heard: async () => Object.assign({}, report(), { added: 1, handOver: 'in a new way' }),
    },
  })
  expect((await joined.poll()).report).toEqual(report())
})

test('a first contact of two at once is believed of one', async () => {
  const joined = new Joined()
  const impostor = joined.makePolling(polledWith(makeSigner()))
  const polls = await Promise.allSettled([joined.poll(), impostor.poll(report(), 5_000, signal)])
  expect(polls.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
})

test('an exchange is taken from the SECONDARY that polled, and from nobody else', async () => {
  const joined = new Joined()
  const send = (polling: Polling) =>
    polling.exchange(Buffer.from('what changed'), 1, 5_000, signal).then(
      (answer) => Buffer.from(answer).toString(),
      (thrown: unknown) => (thrown instanceof RefusedByPeer ? thrown.reason : thrown),
    )
  const early = await send(joined.polling)
  await joined.poll()
  expect([early, await send(joined.polling), await send(joined.makePolling(polledWith(makeSigner())))]).toEqual([
    'poll',
    'answer to what changed',
    'poll',
  ])
})
