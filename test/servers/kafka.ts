import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { Reader, Writer } from '../../src/connectors/kafka/wire.ts'

export interface KafkaState {
  /** Topic → partitions: the leader's id, the replicas, those in sync. */
  topics: Record<string, { leader: number; replicas: number[]; inSync: number[]; end: number }[]>
  /** Group → the broker that coordinates it, its members, and where it stands: topic → partition → offset. */
  groups: Record<string, { coordinator: number; members: number; offsets: Record<string, number[]> }>
  controller: number
}

export interface Kafka {
  readonly port: number
  readonly state: KafkaState
  stop(): Promise<void>
}

export const kafkaUser = { username: 'farwatch', secret: 'geheim-kafka' }

/**
 * Two brokers of the tests' own that speak Kafka's protocol, in the versions named below, and nothing but what a monitor asks. With `sasl`
 * nobody gets anything before having signed in, by PLAIN or SCRAM-SHA-256.
 */
export async function startKafka(state: KafkaState, { sasl = false } = {}): Promise<Kafka> {
  const sockets = new Set<Socket>()
  const servers = [1, 2].map((id) =>
    createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
      serve(id, socket)
    }),
  )
  const ports: number[] = []
  for (const server of servers) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    ports.push((server.address() as AddressInfo).port)
  }

  function serve(id: number, socket: Socket) {
    const session = { signedIn: !sasl, mechanism: '', challenge: undefined as undefined | ScramState }
    let received = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE()) {
        const length = received.readInt32BE()
        const question = new Reader(received.subarray(4, 4 + length))
        received = received.subarray(4 + length)
        const [key, version, number] = [question.int16(), question.int16(), question.int32()]
        question.string()
        const answer = new Writer()
        const known = versions.find((one) => one[0] === key)
        if (key === 18) apiVersions(answer, version)
        else if (known === undefined || version < known[1] || version > known[2]) return socket.destroy()
        else if (key === 17) {
          session.mechanism = question.string()
          const isKnown = ['PLAIN', 'SCRAM-SHA-256'].includes(session.mechanism)
          answer.int16(isKnown ? 0 : 33).array(['PLAIN', 'SCRAM-SHA-256'], (writer, one) => writer.string(one))
        } else if (key === 36) authenticate(question.bytes(), answer)
        else if (!session.signedIn) return socket.destroy()
        else answers[key]?.(question, answer, id)
        const body = answer.done()
        socket.write(
          Buffer.concat([
            new Writer()
              .int32(body.length + 4)
              .int32(number)
              .done(),
            body,
          ]),
        )
      }
    })

    function authenticate(words: Buffer, answer: Writer) {
      const said = words.toString()
      const reply = (error: number, text: string) => answer.int16(error).string('').bytes(Buffer.from(text))
      if (session.mechanism === 'PLAIN') {
        session.signedIn = said === `\0${kafkaUser.username}\0${kafkaUser.secret}`
        reply(session.signedIn ? 0 : 58, '')
      } else if (session.challenge === undefined) {
        session.challenge = scramChallenge(said)
        reply(0, session.challenge.answer)
      } else {
        const shown = scramEnd(session.challenge, said)
        session.signedIn = shown !== undefined
        reply(shown === undefined ? 58 : 0, shown ?? '')
      }
    }
  }

  const answers: Record<number, (question: Reader, answer: Writer, id: number) => void> = {
    // Metadata
    3: (_, answer) =>
      answer
        .int32(0)
        .array(ports, (writer, port) =>
          writer
            .int32(ports.indexOf(port) + 1)
            .string('127.0.0.1')
            .int32(port)
            .int16(-1),
        )
        .string('cluster-1')
        .int32(state.controller)
        .array(Object.entries(state.topics), (writer, [topic, all]) =>
          writer
            .int16(0)
            .string(topic)
            .int8(0)
            .array([...all.entries()], (inner, [partition, one]) =>
              inner
                .int16(one.leader < 0 ? 5 : 0)
                .int32(partition)
                .int32(one.leader)
                .array(one.replicas, (ids, replica) => ids.int32(replica))
                .array(one.inSync, (ids, replica) => ids.int32(replica))
                .array([], () => undefined),
            ),
        ),
    // ListOffsets
    2: (question, answer) => {
      question.int32()
      const asked = question.array(() => ({
        topic: question.string(),
        partitions: question.array(() => {
          const partition = question.int32()
          question.int64()
          return partition
        }),
      }))
      answer.array(asked, (writer, { topic, partitions: wanted }) =>
        writer
          .string(topic)
          .array(wanted, (inner, partition) =>
            inner.int32(partition).int16(0).int64(-1).int64(state.topics[topic]![partition]!.end),
          ),
      )
    },
    // OffsetFetch; null topics mean all.
    9: (question, answer) => {
      const group = state.groups[question.string()]
      answer
        .array(Object.entries(group?.offsets ?? {}), (writer, [topic, offsets]) =>
          writer
            .string(topic)
            .array([...offsets.entries()], (inner, [partition, offset]) =>
              inner.int32(partition).int64(offset).string('').int16(0),
            ),
        )
        .int16(group === undefined ? 16 : 0)
    },
    // FindCoordinator, which a monitor does not need and other clients ask for.
    10: (question, answer) => {
      const id = state.groups[question.string()]?.coordinator ?? 1
      answer
        .int32(0)
        .int16(0)
        .int16(-1)
        .int32(id)
        .string('127.0.0.1')
        .int32(ports[id - 1]!)
    },
    // DescribeGroups
    15: (question, answer) =>
      answer.array(
        question.array(() => question.string()),
        (writer, name) => {
          const members = state.groups[name]?.members ?? 0
          writer
            .int16(0)
            .string(name)
            .string(members > 0 ? 'Stable' : 'Empty')
            .string('consumer')
            .string('range')
            .array(Array.from({ length: members }), (inner, _) => {
              inner.string('m').string('c').string('/127.0.0.1').bytes(Buffer.alloc(3)).bytes(Buffer.alloc(0))
            })
        },
      ),
    // ListGroups
    16: (_, answer, id) =>
      answer
        .int32(0)
        .int16(0)
        .array(
          Object.entries(state.groups).filter(([, one]) => one.coordinator === id),
          (writer, [name]) => writer.string(name).string('consumer'),
        ),
  }

  return {
    port: ports[0]!,
    state,
    async stop() {
      for (const socket of sockets) socket.destroy()
      for (const server of servers) {
        server.close()
        await once(server, 'close')
      }
    },
  }
}

/** API key, lowest and highest version. */
const versions: readonly (readonly [number, number, number])[] = [
  [18, 0, 1],
  [17, 1, 1],
  [36, 0, 0],
  [3, 5, 5],
  [2, 1, 1],
  [9, 2, 2],
  [10, 1, 1],
  [15, 0, 0],
  [16, 1, 1],
]

function apiVersions(answer: Writer, version: number) {
  // A broker answers a version that it does not know in the form of the first one.
  answer
    .int16(version > 1 ? 35 : 0)
    .array(versions, (writer, [key, from, to]) => writer.int16(key).int16(from).int16(to))
  if (version === 1) answer.int32(0)
}

interface ScramState {
  readonly answer: string
  readonly bare: string
}

const salt = randomBytes(16)
const iterations = 4_096

function scramChallenge(first: string): ScramState {
  const bare = first.replace(/^n,,/, '')
  const nonce = `${/r=(.*)$/.exec(bare)?.[1]}${randomBytes(9).toString('base64')}`
  return { bare, answer: `r=${nonce},s=${salt.toString('base64')},i=${iterations}` }
}

/** RFC 5802, the server's side. @returns its last words, or undefined where the proof is wrong */
function scramEnd({ bare, answer }: ScramState, last: string): string | undefined {
  const [unproven, proof = ''] = last.split(',p=')
  const salted = pbkdf2Sync(kafkaUser.secret, salt, iterations, 32, 'sha256')
  const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const whole = `${bare},${answer},${unproven}`
  const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest()
  const signature = hmac(stored, whole)
  const key = Buffer.from(proof, 'base64').map((byte, i) => byte ^ signature[i]!)
  if (!createHash('sha256').update(key).digest().equals(stored)) return undefined
  return `v=${hmac(hmac(salted, 'Server Key'), whole).toString('base64')}`
}
