import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { isRun, outcomes, weekdays, type MaintenanceTimes, type UploadBatch } from '../model/index.ts'
import { reader } from '../platform/wire/index.ts'

/**
 * What agents and servers say to each other. Only agents begin. Every message is a POST below `/link/v1/` with a JSON body, packed
 * and signed (platform/wire); the `v1` is how messages are wrapped, and has nothing to do with the version of what they say.
 *
 *   hello   who this is, what it can do, which versions it speaks. The first message, and again whenever the server asks for it.
 *   poll    what goes on here, what I have; answered at once where there is news, else when there is, at the latest after `waitMs`.
 *   upload  results; answered once they are durable.
 *   reply   what a command gave.
 *   rekey   from now on I sign with this key; signed with the old one, and proven by the new one.
 *   witness said to a server that does not serve this agent: when another one last did. It needs no hello, and is heard whether or not
 *           the server acts; the answer's frame says whether it does. Servers of before it say that they have no such message.
 *
 * Objects may say more than is written here: a newer side adds, an older one reads over it. That, and the version that both agreed on,
 * is how neighbouring versions work together.
 */
export const linkPath = '/link/v1/'
export const messageKinds = ['hello', 'poll', 'upload', 'reply', 'rekey', 'witness'] as const
export type MessageKind = (typeof messageKinds)[number]

/** Whether a message may be signed with the key of the hello: what says who an agent is, and what asks no hello before it, its own key alone proves. */
export function mayUseRequestKey(kind: MessageKind): boolean {
  return kind === 'poll' || kind === 'upload' || kind === 'reply'
}

/** The message that a path names, whatever a proxy put before it, or undefined. */
export function messageOfPath(path: string): { readonly kind: MessageKind; readonly path: string } | undefined {
  const from = path.lastIndexOf(linkPath)
  if (from < 0) return undefined
  const kind = messageKinds.find((each) => path.slice(from + linkPath.length) === each)
  return kind === undefined ? undefined : { kind, path: linkPath + kind }
}

export interface ProtocolRange {
  readonly min: number
  readonly max: number
}

/** The versions of the messages that this program speaks. It goes on speaking the one before its newest. */
export const spoken: ProtocolRange = { min: 1, max: 1 }

/** The highest version that both speak, or undefined. */
export function agreed(a: ProtocolRange, b: ProtocolRange): number | undefined {
  const highest = Math.min(a.max, b.max)
  return highest >= Math.max(a.min, b.min) ? highest : undefined
}

/** Bytes of each message, as it is sent and once it is unpacked. Beyond these it is refused before it is read. */
export const sizeLimits: Readonly<Record<MessageKind, { readonly packed: number; readonly plain: number }>> = {
  hello: { packed: 65_536, plain: 262_144 },
  poll: { packed: 65_536, plain: 262_144 },
  upload: { packed: 8 * 1_048_576, plain: 48 * 1_048_576 },
  reply: { packed: 2 * 1_048_576, plain: 8 * 1_048_576 },
  rekey: { packed: 16_384, plain: 16_384 },
  witness: { packed: 1_024, plain: 4_096 },
}

/** The largest answer: the assignment of an agent with some hundred thousand tasks. */
export const answerLimit = { packed: 64 * 1_048_576, plain: 256 * 1_048_576 } as const

/** Longer than that, proxies cut a silent connection off. */
export const longestWaitMs = 30_000

const text = (maxLength: number, minLength = 0) => Type.String({ maxLength, minLength })
const name = text(500, 1)
const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const moment = Type.Number({ minimum: 0, maximum: 2 ** 43 })
const slot = Type.Integer({ minimum: 0, maximum: 2 ** 42 })
const size = Type.Number({ minimum: 0, maximum: 2 ** 60 })
const url = text(2_000, 1)
const uuid = Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' })
const publicKey = text(1_000, 50)
const range = Type.Object({
  min: Type.Integer({ minimum: 1, maximum: 10_000 }),
  max: Type.Integer({ minimum: 1, maximum: 10_000 }),
})

// --- hello

export const Hello = Type.Object({
  protocol: range,
  uuid,
  name: text(253, 1),
  /** Ed25519, SPKI as PEM. */
  publicKey,
  /** X25519, SPKI as PEM: what credentials are sealed to. */
  sealingKey: publicKey,
  version: text(100),
  /** One for each start of the program. */
  boot: uuid,
  /** Id of each monitor that this agent has, and a digest of its declaration. */
  monitors: Type.Record(text(200), text(100), { maxProperties: 5_000 }),
  machine: Type.Object({ hostname: text(253), platform: text(100), cores: count, memoryBytes: size }),
  enrolmentToken: Type.Optional(text(1_000)),
})
export type Hello = Static<typeof Hello>

/** How far an agent's registration has come; `UNKNOWN` to a server that has forgotten it, or never heard of it. */
const registration = Type.Enum(['UNKNOWN', 'PENDING', 'ACCEPTED', 'REJECTED', 'REVOKED'])

export const HelloAnswer = Type.Object({
  state: registration,
  /** For people: what has to be done now, and by whom. */
  message: text(2_000),
  /** Of the key with which this hello was signed, as the server shows it. */
  fingerprint: text(200),
  /** The version of everything that follows. */
  protocol: Type.Integer({ minimum: 1, maximum: 10_000 }),
  server: Type.Object({ version: text(100) }),
  encodings: Type.Array(text(40), { maxItems: 20 }),
  /** Sealed to the agent: what it may sign polls, uploads and replies with from now on. Absent: nothing but its own key; a server before 2026-11-27. */
  requestKey: Type.Optional(text(2_000)),
})
export type HelloAnswer = Static<typeof HelloAnswer>

// --- poll

export const ReportedStatus = Type.Object({
  /** Busy share of all cores, 0 to 1. */
  cpu: Type.Number({ minimum: 0, maximum: 1 }),
  cores: count,
  memory: Type.Object({ usedBytes: size, totalBytes: size }),
  disk: Type.Object({ freeBytes: size, totalBytes: size }),
  spool: Type.Object({ entries: count, bytes: size, oldestAt: Type.Optional(moment) }),
  clock: Type.Object({ offsetMs: Type.Number(), rttMs: Type.Number({ minimum: 0 }) }),
  tasks: count,
  running: count,
  waiting: count,
  /** Results that would be lost with its machine: what is left behind is this, what runs and what waits. Absent: what is in the spool. */
  unsafe: Type.Optional(count),
  isolated: Type.Boolean(),
  /** Processors that other programs on the machine use, in cores. Absent where the machine does not tell. */
  foreignCores: Type.Optional(Type.Number({ minimum: 0 })),
  /** How long the last upload took. */
  sendMs: Type.Optional(Type.Number({ minimum: 0 })),
})
/** What an agent says of itself with every poll. */
export type ReportedStatus = Static<typeof ReportedStatus>

export const Poll = Type.Object({
  /** Version of the assignment that it has. */
  known: Type.Optional(text(200)),
  waitMs: Type.Integer({ minimum: 0, maximum: longestWaitMs }),
  /** Commands that have come, by id: they need not be sent again. */
  received: Type.Array(name, { maxItems: 1_000 }),
  status: ReportedStatus,
})
export type Poll = Static<typeof Poll>

const settings = Type.Record(Type.String({ maxLength: 200 }), Type.Unknown(), { maxProperties: 500 })
/** When a maintenance window is on, as `model/maintenance.ts` reads it. */
const weekday = Type.Enum([...weekdays])
const repetition = { interval: Type.Integer({ minimum: 1, maximum: 1_000 }), until: Type.Optional(text(10)) }
const wirePause = Type.Object({
  begins: text(16),
  lastsMs: Type.Integer({ minimum: 1, maximum: 400 * 86_400_000 }),
  zone: text(100, 1),
  repeats: Type.Optional(
    Type.Union([
      Type.Object({ every: Type.Literal('day'), ...repetition }),
      Type.Object({ every: Type.Literal('week'), on: Type.Array(weekday, { maxItems: 31 }), ...repetition }),
      Type.Object({
        every: Type.Literal('month'),
        on: Type.Array(
          Type.Union([
            Type.Object({ is: Type.Literal('date'), day: Type.Integer({ minimum: -1, maximum: 31 }) }),
            Type.Object({ is: Type.Literal('weekday'), nth: Type.Integer({ minimum: -1, maximum: 5 }), weekday }),
          ]),
          { maxItems: 31 },
        ),
        ...repetition,
      }),
    ]),
  ),
  endedAt: Type.Optional(Type.Number()),
})
const wireConnector = Type.Object({
  id: name,
  type: name,
  group: name,
  settings,
  /** Which of the sealed credentials. */
  credential: Type.Optional(text(100, 1)),
  exclusive: Type.Optional(Type.Literal(true)),
  /** Absent from a server before 2026-11-26, whose library has no monitor that would need it. */
  ownCommands: Type.Optional(Type.Literal(true)),
  /** Absent from a server before 2026-11-26, and unknown to an agent before: it then runs what its server does not judge. */
  pauses: Type.Optional(Type.Unsafe<readonly MaintenanceTimes[]>(Type.Array(wirePause, { maxItems: 10_000 }))),
})
const dayMs = 86_400_000
const assignedTask = Type.Object({
  id: name,
  connector: name,
  monitor: name,
  settings,
  periodMs: Type.Integer({ minimum: 100, maximum: 366 * dayMs }),
  timeoutMs: Type.Integer({ minimum: 1, maximum: 366 * dayMs }),
})
const travelling = Type.Object({
  parallelTasks: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
  parallelPerTarget: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
  processTimeoutMs: Type.Integer({ minimum: 1, maximum: dayMs }),
  logLevel: Type.Enum(['error', 'warn', 'info', 'debug']),
  logDurationMs: Type.Integer({ minimum: 0, maximum: 366 * dayMs }),
  leaseMs: Type.Union([Type.Integer({ minimum: 0, maximum: 366 * dayMs }), Type.Null()]),
})
const longList = { maxItems: 500_000 }

/** Sealed credentials by the name that connectors use for them. */
const sealed = Type.Record(text(100), text(200_000), { maxProperties: 500_000 })

/** What changed between two assignments; `base` undefined: this is all of it. */
export const WireAssignment = Type.Object({
  base: Type.Optional(text(200)),
  version: text(200, 1),
  settings: travelling,
  connectors: Type.Array(wireConnector, longList),
  tasks: Type.Array(assignedTask, longList),
  credentials: sealed,
  /** Ids that are no more. Absent where this is all. */
  droppedConnectors: Type.Array(name, longList),
  droppedTasks: Type.Array(name, longList),
})
export type WireAssignment = Static<typeof WireAssignment>
export type WireConnector = Static<typeof wireConnector>

/**
 * What a server asks of an agent beside its tasks. An agent that does not know a command says so.
 *
 *   run-now     one run of a task, beside its schedule; gives the run's result
 *   send-logs   log lines, as text in parts
 *   reach       whether the targets of connectors answer to a cheap connect; for placement, before work moves
 *   re-key      make a new key and send it
 *   discover    what is at a host: the ports that accept connections, and the connectors that could be configured for it
 *   check       one run of any monitor on any connector, of which nothing is kept; gives the run's result. With `wants` it measures nothing but
 *               asks what there is to choose from, or what the target knows of beside itself (candidates.ts and neighbours.ts of the agent);
 *               an agent that does not know `wants` measures, one that does not know its word refuses
 */
export const Command = Type.Union([
  Type.Object({ id: name, is: Type.Literal('run-now'), task: name }),
  Type.Object({ id: name, is: Type.Literal('send-logs'), maxBytes: Type.Integer({ minimum: 1, maximum: 2 ** 30 }) }),
  Type.Object({ id: name, is: Type.Literal('reach'), connectors: Type.Array(wireConnector, { maxItems: 1_000 }) }),
  Type.Object({ id: name, is: Type.Literal('re-key') }),
  Type.Object({ id: name, is: Type.Literal('discover'), host: text(253, 1) }),
  Type.Object({
    id: name,
    is: Type.Literal('check'),
    monitor: name,
    settings,
    connector: Type.Object({ type: name, group: name, settings, ownCommands: Type.Optional(Type.Literal(true)) }),
    /** The connector's credential, sealed to the agent (sealing.ts). */
    sealed: Type.Optional(text(200_000)),
    timeoutMs: Type.Integer({ minimum: 1, maximum: 3_600_000 }),
    /** Absent from an older server, and passed over by an older agent. */
    wants: Type.Optional(Type.Enum(['candidates', 'neighbours'])),
  }),
])
export type Command = Static<typeof Command>
type WithoutId<T> = T extends { id: string } ? Omit<T, 'id'> : never
export type CommandOrder = WithoutId<Command>

/** A command of a newer server: all that is known of it is that it wants an answer. */
const someCommand = Type.Object({ id: name, is: name })

export const PollAnswer = Type.Object({
  state: registration,
  message: text(2_000),
  assignment: Type.Optional(WireAssignment),
  commands: Type.Array(someCommand, { maxItems: 1_000 }),
  /** Where this server and its pair can be reached; empty: as before. */
  servers: Type.Array(url, { maxItems: 20 }),
})
export type PollAnswer = Static<typeof PollAnswer>

// --- upload

const sample = Type.Object({
  name: text(4_096, 1),
  labels: Type.Record(Type.String({ maxLength: 4_096 }), text(4_096), { maxProperties: 64 }),
  value: Type.Number(),
  unit: Type.Optional(text(40)),
  kind: Type.Optional(Type.Literal('counter')),
})
const run = Type.Object({
  kind: Type.Literal('run'),
  task: name,
  slot,
  outcome: Type.Enum(['ran', 'failed', 'late']),
  startedAt: moment,
  durationMs: Type.Number({ minimum: 0, maximum: 2 ** 43 }),
  reason: Type.Optional(text(100)),
  message: Type.Optional(text(1_000)),
  samples: Type.Array(sample, { maxItems: 50_000 }),
  facts: Type.Optional(
    Type.Record(Type.String({ maxLength: 4_096 }), Type.Union([text(65_536), Type.Number(), Type.Boolean()]), {
      maxProperties: 10_000,
    }),
  ),
  isolated: Type.Optional(Type.Literal(true)),
})
const gap = Type.Object({
  kind: Type.Literal('gap'),
  task: name,
  from: slot,
  to: slot,
  outcome: Type.Enum(outcomes.filter((outcome) => !isRun(outcome))),
  periodMs: Type.Integer({ minimum: 1, maximum: 366 * dayMs }),
  reason: text(4_096),
})

const Upload = Type.Object({
  format: Type.Literal(1),
  agent: uuid,
  spool: name,
  from: count,
  oldest: Type.Optional(count),
  entries: Type.Array(Type.Union([run, gap]), { maxItems: 50_000 }),
})

export const UploadAnswered = Type.Object({
  acknowledged: count,
  safe: count,
  pauseMs: Type.Number({ minimum: 0, maximum: 3_600_000 }),
  /** What was not stored, and why; it need not be sent again. For the log. */
  refused: Type.Optional(text(2_000)),
})
export type UploadAnswered = Static<typeof UploadAnswered>

// --- reply

/** One part of what a command gave; parts are numbered from 0, and `last` ends it. */
export const Reply = Type.Object({
  command: name,
  part: count,
  last: Type.Boolean(),
  text: Type.Optional(text(4 * 1_048_576)),
  result: Type.Optional(Type.Unknown()),
  /** It could not be done. */
  problem: Type.Optional(Type.Object({ code: text(100), message: text(2_000) })),
})
export type Reply = Static<typeof Reply>

/** The form of the `result` of those commands that give one. */
export const commandResults = {
  'run-now': run,
  check: run,
  reach: Type.Array(Type.Object({ connector: name, reached: Type.Boolean(), message: text(1_000) }), {
    maxItems: 1_000,
  }),
  discover: Type.Object({
    address: Type.Optional(text(100)),
    tried: count,
    open: Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }), { maxItems: 65_535 }),
    found: Type.Array(
      Type.Object({
        type: name,
        name: text(200, 1),
        title: text(1_000),
        settings,
        seen: text(1_000),
        certainty: Type.Enum(['identified', 'guessed']),
        credential: Type.Optional(name),
        monitors: Type.Optional(
          Type.Array(Type.Object({ monitor: name, settings: Type.Optional(settings) }), { maxItems: 100 }),
        ),
        profile: Type.Optional(text(200, 1)),
        system: Type.Optional(text(200, 1)),
      }),
      { maxItems: 1_000 },
    ),
    problems: Type.Array(text(2_000), { maxItems: 1_000 }),
  }),
} as const

// --- rekey

export const Rekey = Type.Object({
  publicKey,
  sealingKey: publicKey,
  /** Signed by the new key (new-key.ts): that the sender has it. */
  proof: text(4_000, 1),
})
export type Rekey = Static<typeof Rekey>

// --- witness

export const Witness = Type.Object({
  /** How long ago, by the agent's monotonic clock, another server than the one that is told last served it as the active one. Absent: never. */
  servedMsAgo: Type.Optional(Type.Number({ minimum: 0, maximum: 2 ** 43 })),
  /** The highest term that it has seen. */
  term: count,
})
export type Witness = Static<typeof Witness>

export const WitnessAnswer = Type.Object({
  /** How long the agent may take to say it again at most, and to be served by the other server again. */
  withinMs: Type.Optional(Type.Number({ minimum: 0, maximum: 3_600_000 })),
})
export type WitnessAnswer = Static<typeof WitnessAnswer>

// --- every answer

/**
 * Why a message was not taken, as a program reads it. People read the message beside it.
 *
 *   clock      your time is too far from mine; mine stands in this answer: try once more
 *   hello      I do not know you well enough (I was restarted): say hello
 *   fenced     I am not the active server: a higher term exists
 *   twice      another machine speaks with your identity
 *   refused    do not try again unchanged
 *   later      try again, after `retryAfterMs`
 */
const refusalReason = Type.Enum(['clock', 'hello', 'fenced', 'twice', 'refused', 'later'])

export const Refusal = Type.Object({
  reason: refusalReason,
  /** From the catalogue of errors. */
  code: text(100),
  message: text(4_000),
  hint: text(4_000),
  retryAfterMs: Type.Number({ minimum: 0, maximum: 3_600_000 }),
})
export type Refusal = Static<typeof Refusal>

/** The frame of every answer. Exactly one of `result` and `refused` is there. */
export const Envelope = Type.Object({
  term: count,
  /** Whether it acts. Absent from servers of before terms moved. */
  acts: Type.Optional(Type.Boolean()),
  /** Which server this is, by whatever URL it was asked. */
  server: Type.Optional(uuid),
  /** Where the one is that acts, from one that does not. */
  active: Type.Optional(url),
  /** Server time when the message came in, and when this left. */
  receivedAt: moment,
  answeredAt: moment,
  result: Type.Optional(Type.Unknown()),
  refused: Type.Optional(Refusal),
})
export type Envelope = Static<typeof Envelope>

export const readHello = reader(Hello, 'the hello')
export const readPoll = reader(Poll, 'the poll')
export const readReply = reader(Reply, 'the reply')
export const readRekey = reader(Rekey, 'the new key')
export const readHelloAnswer = reader(HelloAnswer, 'the answer to the hello')
export const readPollAnswer = reader(PollAnswer, 'the answer to the poll')
export const readWitness = reader(Witness, 'what the agent saw of the other server')
export const readWitnessAnswer = reader(WitnessAnswer, 'the answer to what was seen of another server')
export const readUploadAnswer = reader(UploadAnswered, 'the answer to the upload')
export const readEnvelope = reader(Envelope, 'the answer')
export const readRunResult = reader(commandResults['run-now'], 'the result of the run')
export const readReached = reader(commandResults.reach, 'the answer about reachability')
export const readDiscovered = reader(commandResults.discover, 'the answer about what is at a host')
const readUploadBody = reader(Upload, 'the upload')
const knownCommand = Compile(Command)

export function readUpload(given: unknown): UploadBatch {
  // Wider in words (units, reasons) than the model, which a newer agent may have more of; the store checks what it keeps.
  return readUploadBody(given) as UploadBatch
}

/** @returns undefined for a command that this program does not know */
export function readCommand(given: { readonly id: string; readonly is: string }): Command | undefined {
  return knownCommand.Check(given) ? given : undefined
}
