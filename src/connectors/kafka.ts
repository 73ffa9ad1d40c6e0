import { systemClock } from '../platform/index.ts'
import {
  defineConnector,
  TargetError,
  type KafkaClient,
  type KafkaCluster,
  type KafkaGroup,
  type KafkaGroups,
  type OpenCredential,
} from '../sdk/index.ts'
import {
  describeGroups,
  listGroups,
  listOffsets,
  metadata,
  offsetFetch,
  saslAuthenticate,
  saslHandshake,
  type Metadata,
  type PartitionOf,
  type Question,
} from './kafka/messages.ts'
import { beginScram } from './kafka/scram.ts'
import { Reader, Writer } from './kafka/wire.ts'
import { beginConnection, hostService, trustSettings, type Place, type Trust } from './network/connection.ts'
import { firstWords } from './network/first-words.ts'
import { LineTalk } from './network/line-talk.ts'
import { reachPort } from './network/reach.ts'
import { hostSetting, portSetting } from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'

const maxBytes = 64 * 1024 * 1024
const maxBrokers = 200
const maxGroups = 2_000

/** A Kafka cluster, by its own protocol. */
export default defineConnector({
  id: 'kafka',
  title: 'Kafka',
  summary: 'A Kafka cluster, through any one of its brokers.',
  settings: {
    host: {
      ...hostSetting,
      help: 'One broker; it names the others, which must be reachable under the names it gives.',
    },
    port: portSetting(9092),
    tls: {
      kind: 'flag',
      label: 'TLS',
      help: 'Off: passwords cross the network as they are with PLAIN.',
      default: true,
    },
    mechanism: {
      kind: 'choice',
      label: 'Sign-in',
      help: 'How a user name and password are shown, as the broker is set up (SASL).',
      of: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
      default: 'SCRAM-SHA-512',
    },
    ...trustSettings,
  },
  credentials: ['basic', 'certificate'],
  ...hostService,
  reach: reachPort,
  discovery: {
    at: { tcp: [9092, 9093] },
    async identify(place, signal) {
      const { host, port } = place
      for (const tls of [false, true]) {
        const said = await firstWords(
          place,
          { send: versionsQuestion, until: (received) => received.length >= 10, tls },
          signal,
        ).catch(() => Buffer.alloc(0))
        // Length, the number of the question, no error.
        if (said.length < 10 || said.readInt32BE(4) !== 7 || said.readInt16BE(8) !== 0) continue
        return [
          {
            name: 'kafka',
            title: `Kafka broker, port ${port}${tls ? ', with TLS' : ''}`,
            settings: { host, ...(port === 9092 ? {} : { port }), ...(tls ? {} : { tls: false }) },
            seen: `port ${port} answered a question of Kafka`,
            certainty: 'identified',
          },
        ]
      }
      return []
    },
  },
  open: (settings, credential) => new Cluster(settings, credential),
})

/** ApiVersions, number 7, which a broker answers before anybody has signed in. */
const versionsQuestion = envelope(18, 0, 7, Buffer.alloc(0))

function envelope(key: number, version: number, number: number, body: Buffer): Buffer {
  const message = new Writer().int16(key).int16(version).int32(number).string('farwatch').done()
  return Buffer.concat([new Writer().int32(message.length + body.length).done(), message, body])
}

interface ClusterPlace extends Place, Trust {
  readonly tls: boolean
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
}

class Cluster implements KafkaClient {
  readonly target: string
  readonly #place: ClusterPlace
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()

  constructor(place: ClusterPlace, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
  }

  cluster(signal: AbortSignal): Promise<KafkaCluster> {
    return this.#signIn.try(async () => {
      const began = systemClock.elapsed()
      const broker = await this.#open(this.#place, signal)
      try {
        const connect = systemClock.elapsed() - began
        const seen = await broker.ask(metadata)
        return {
          connect,
          clusterId: seen.clusterId === '' ? undefined : seen.clusterId,
          controller: seen.controller < 0 ? undefined : seen.controller,
          brokers: seen.brokers,
          topics: seen.topics,
        }
      } finally {
        broker.close()
      }
    })
  }

  groups(
    wanted: (group: string) => boolean,
    wantedTopic: (topic: string) => boolean,
    signal: AbortSignal,
  ): Promise<KafkaGroups> {
    return this.#signIn.try(() => this.#groups(wanted, wantedTopic, signal), signal)
  }

  async #groups(
    wanted: (group: string) => boolean,
    wantedTopic: (topic: string) => boolean,
    signal: AbortSignal,
  ): Promise<KafkaGroups> {
    const missing: string[] = []
    const open = new Map<number, Broker>()
    const first = await this.#open(this.#place, signal)
    try {
      const known = await first.ask(metadata)
      for (const { id, host, port } of known.brokers.slice(0, maxBrokers)) {
        try {
          open.set(id, await this.#open({ host, port }, signal))
        } catch (thrown) {
          if (!(thrown instanceof TargetError) || thrown.reason === 'credentials' || signal.aborted) throw thrown
          missing.push(`broker ${id} (${thrown.message})`)
        }
      }
      const groups: Omit<KafkaGroup, 'offsets'>[] = []
      const standing: (PartitionOf & { group: string; committed: number })[] = []
      for (const [id, broker] of open) {
        const listed = await broker.ask(listGroups)
        if (listed.error !== 0) missing.push(`groups of broker ${id} (${wordsOf(listed.error)})`)
        const chosen = listed.groups.map(({ group }) => group).filter(wanted)
        if (groups.length + chosen.length > maxGroups)
          throw new TargetError('too large', `${this.target} has more than ${maxGroups} groups of those chosen`)
        const states = chosen.length === 0 ? [] : await broker.ask(describeGroups(chosen))
        for (const group of chosen) {
          const state = states.find((one) => one.group === group && one.error === 0)
          const { error, offsets } = await broker.ask(offsetFetch(group))
          if (error !== 0) missing.push(`group ${group} (${wordsOf(error)})`)
          groups.push({ group, state: state?.state, members: state?.members })
          for (const { topic, partition, offset } of offsets)
            if (wantedTopic(topic)) standing.push({ group, topic, partition, committed: offset })
        }
      }
      const ends = await endsOf(standing, known, open)
      return {
        groups: groups.map((group) => ({
          ...group,
          offsets: standing.flatMap((one) => {
            const end = one.group === group.group ? ends.get(keyOf(one)) : undefined
            return end === undefined
              ? []
              : [{ topic: one.topic, partition: one.partition, committed: one.committed, end }]
          }),
        })),
        missing,
      }
    } finally {
      for (const broker of [first, ...open.values()]) broker.close()
    }
  }

  async #open(place: Place, signal: AbortSignal): Promise<Broker> {
    const { socket } = await beginConnection(place, this.#place.tls, this.#place, signal, { own: this.#credential })
    const broker = new Broker(new LineTalk(socket, place, signal, maxBytes), hostPort(place.host, place.port))
    try {
      if (this.#credential?.type === 'basic') await broker.signIn(this.#place.mechanism, this.#credential.fields)
      return broker
    } catch (thrown) {
      broker.close()
      throw thrown
    }
  }
}

/** A conversation with one broker: a question, its answer, the next question. */
class Broker {
  readonly #talk: LineTalk
  readonly #target: string
  #number = 0

  constructor(talk: LineTalk, target: string) {
    this.#talk = talk
    this.#target = target
  }

  async ask<T>({ key, version, body, read }: Question<T>): Promise<T> {
    const number = ++this.#number
    this.#talk.socket.write(envelope(key, version, number, body))
    const length = Buffer.from(await this.#talk.readBytes(4), 'latin1').readInt32BE()
    if (length < 4) throw this.#nonsense()
    const answer = new Reader(Buffer.from(await this.#talk.readBytes(length), 'latin1'))
    if (answer.int32() !== number) throw this.#nonsense()
    try {
      return read(answer)
    } catch (thrown) {
      throw this.#nonsense(thrown)
    }
  }

  async signIn(mechanism: ClusterPlace['mechanism'], credential: { username: string; secret: string }): Promise<void> {
    const offered = await this.ask(saslHandshake(mechanism))
    if (offered.error === 34) throw new TargetError('configuration', `${this.#target} wants no sign-in here`)
    if (offered.error !== 0)
      throw new TargetError(
        'configuration',
        `${this.#target} takes no sign-in by ${mechanism}, but by ${offered.mechanisms.slice(0, 10).join(', ').slice(0, 200) || 'none'}`,
      )
    if (mechanism === 'PLAIN') {
      await this.#say(`\0${credential.username}\0${credential.secret}`)
      return
    }
    const scram = beginScram(mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512', credential)
    const challenge = await this.#say(scram.first)
    const last = await scram.last(challenge).catch((thrown: unknown) => {
      throw this.#nonsense(thrown)
    })
    if (!scram.isServer(await this.#say(last)))
      throw new TargetError('credentials', `${this.#target} does not know the password itself`)
  }

  async #say(words: string): Promise<string> {
    const answer = await this.ask(saslAuthenticate(Buffer.from(words)))
    if (answer.error !== 0)
      throw new TargetError('credentials', `${this.#target} refused the sign-in (Kafka error ${answer.error})`)
    return answer.words.toString('utf8')
  }

  close(): void {
    this.#talk.close()
  }

  #nonsense(cause?: unknown): TargetError {
    return new TargetError('protocol', `${this.#target} does not speak Kafka’s protocol as it should`, { cause })
  }
}

function keyOf({ topic, partition }: PartitionOf): string {
  return `${topic} ${partition}`
}

/** Where partitions end, each asked of its leader. What is led by nobody who can be asked is left out. */
async function endsOf(
  wanted: readonly PartitionOf[],
  { topics }: Metadata,
  open: ReadonlyMap<number, Broker>,
): Promise<Map<string, number>> {
  const leaders = new Map(
    topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, leader }) => [keyOf({ topic, partition }), leader] as const),
    ),
  )
  const byLeader = new Map<number, Map<string, PartitionOf>>()
  for (const one of wanted) {
    const leader = leaders.get(keyOf(one))
    if (leader === undefined) continue
    const its = byLeader.get(leader) ?? new Map<string, PartitionOf>()
    its.set(keyOf(one), one)
    byLeader.set(leader, its)
  }
  const ends = new Map<string, number>()
  for (const [leader, its] of byLeader)
    for (const one of (await open.get(leader)?.ask(listOffsets([...its.values()]))) ?? [])
      ends.set(keyOf(one), one.offset)
  return ends
}

const errors: Readonly<Record<number, string>> = {
  14: 'the coordinator is loading',
  15: 'the coordinator is not available',
  16: 'another broker coordinates it now',
  29: 'not allowed to read the topic',
  30: 'not allowed to read the group',
  31: 'not allowed to read the cluster',
}

function wordsOf(error: number): string {
  return errors[error] ?? `Kafka error ${error}`
}
