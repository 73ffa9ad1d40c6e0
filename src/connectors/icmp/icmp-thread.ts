import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads'
import { messageOf } from '../../base/index.ts'
import { isAnswer, roundTripMs, sequenceOf, type Target } from './answer.ts'
import type { Ask, FromThread, ThreadStart, ToThread } from './messages.ts'
import { headerBytes, markBytes, readAnswer, writeEcho, type Family } from './packet.ts'
import { Schedule, type PingEnd } from './schedule.ts'
import { addressIn, System, type IcmpSocket, type Received, type SocketKind } from './system.ts'

// Loaded as a thread by SocketPinger. It asks and listens apart from the event loop of the monitoring process, whose other work would be in the
// round trips. It never returns to an event loop of its own: it blocks in `poll`, and is woken by a packet, the bell, or the time.

/**
 * From one turn to the next while pings are open: what falls due, arrives or ends within so long is one turn. A turn costs as much as many packets,
 * above all where other work has taken the caches meanwhile, and the kernel says when an answer arrived. Pings of shorter intervals have more turns.
 */
const turnMs = 20
/** Packets of one turn; what is more waits for the next one. At 5,000 a second nobody's line is flooded by a start, nor the room for answers. */
const mostPerTurn = 100
/** Where many packets go out, or long ones, answers of near hosts are read in between, or they would not fit into the socket's buffer. */
const readAfterBytes = 16 * 1024
/** Without a bell it looks whether it is to end once in so long. */
const longestWaitMs = 1_000
/** Reads of one socket in one turn, of 64 packets each: a flood of answers does not keep us from sending. */
const mostReads = 32
/** The greatest payload, as the monitor declares it. */
const largestPayload = 9_000

/** Errors that say that there is no room just now. */
const momentary = new Set(['EAGAIN', 'ENOBUFS', 'ENOMEM', 'EINTR'])

/** Where the packets of a ping go out, and to whom. */
interface SentTarget extends Target {
  readonly socket: IcmpSocket
  readonly to: Uint8Array
  /** Where its packets are written, which all pings share. */
  readonly packet: Uint8Array
}

/** The one clock of this thread; only the moment of an answer is the kernel's. */
const now = () => performance.now()

/** Whole milliseconds until a moment, at most so many. */
const upTo = (mostMs: number, at: number) => Math.ceil(Math.min(mostMs, Math.max(0, at - now())))

type Sockets = Readonly<Partial<Record<Family, IcmpSocket>>>

class Loop {
  readonly #system: System
  readonly #port: MessagePort
  readonly #sockets: Sockets
  readonly #identifier: number
  readonly #schedule: Schedule<SentTarget>
  readonly #packet = filler(headerBytes + largestPayload)
  /** Answers to as much do not fit into the sockets' buffers for a whole turn. */
  #sentMuch = false
  /** Whether the kernel says when answers arrive. Where it does not they are read as they come, or our resting would be in the round trips. */
  #isTold = true
  /** Pings that could not even be tried. */
  #refused: PingEnd[] = []

  constructor(system: System, port: MessagePort, sockets: Sockets, identifier: number) {
    this.#system = system
    this.#port = port
    this.#sockets = sockets
    this.#identifier = identifier
    this.#schedule = new Schedule(turnMs, mostPerTurn, system.token()[0])
  }

  run(bell: number, stop: Int32Array): void {
    const sockets = Object.values(this.#sockets)
    const waiting = this.#system.waiting([bell, ...sockets.map(({ descriptor }) => descriptor)])
    const nothing = this.#system.waiting([])
    while (Atomics.load(stop, 0) === 0) {
      const nextAt = this.#schedule.nextAt() ?? now() + longestWaitMs
      if (this.#schedule.open > 0 && this.#isTold) this.#system.wait(nothing, upTo(this.#sentMuch ? 1 : turnMs, nextAt))
      this.#system.wait(waiting, upTo(longestWaitMs, nextAt))
      const at = now()
      if (waiting.isReady(0)) {
        this.#system.silence(bell)
        this.#takeMessages(at)
      }
      // What has arrived until `at` is read before anything of that time is given up.
      this.#readAnswers(sockets.filter((_, i) => waiting.isReady(i + 1)))
      this.#schedule.expire(at)
      this.#sendDue()
      this.#tell()
    }
  }

  #takeMessages(at: number): void {
    for (let got = receiveMessageOnPort(this.#port); got !== undefined; got = receiveMessageOnPort(this.#port)) {
      // Only SocketPinger has the other end.
      const { asks, drops } = got.message as ToThread
      for (const ask of asks) this.#take(ask, at)
      for (const id of drops) this.#schedule.cancel(id)
    }
  }

  #take(ask: Ask, at: number): void {
    const socket = this.#sockets[ask.family]
    const to = this.#system.socketAddress(ask.address, ask.family)
    if (socket === undefined || to === undefined || ask.size < markBytes || ask.size > largestPayload) {
      this.#refused.push({ id: ask.id, refused: socket === undefined ? 'EAFNOSUPPORT' : 'EINVAL' })
      return
    }
    const target: SentTarget = {
      ...ask,
      socket,
      to,
      from: addressIn(to, ask.family),
      token: this.#system.token(),
      packet: this.#packet.subarray(0, headerBytes + ask.size),
    }
    this.#schedule.add(target, at)
  }

  #sendDue(): void {
    let unread = 0
    let sentBytes = 0
    const used = new Set<IcmpSocket>()
    for (const packet of this.#schedule.take(now())) {
      const { socket, family, to, token, packet: bytes } = packet.plan
      const mark = { identifier: this.#identifier, sequence: sequenceOf(packet), token, number: packet.number }
      writeEcho(bytes, family, mark)
      const at = now()
      const atWall = this.#system.wallMs()
      const error = this.#system.send(socket, bytes, to)
      if (error === undefined) this.#schedule.sent(packet, at, atWall)
      else if (momentary.has(error)) this.#schedule.postponed(packet, at, error)
      else this.#schedule.refused(packet, error)
      used.add(socket)
      unread += bytes.length
      sentBytes += bytes.length
      if (unread < readAfterBytes) continue
      unread = 0
      this.#readAnswers(used)
    }
    // A near host has answered by now, which saves a turn.
    if (unread > 0) this.#readAnswers(used)
    this.#sentMuch = sentBytes > readAfterBytes
  }

  #readAnswers(sockets: Iterable<IcmpSocket>): void {
    for (const socket of sockets) {
      let reads = 0
      while (this.#system.receive(socket, (received) => this.#compare(socket, received)) && ++reads < mostReads);
    }
  }

  /** Passes over what is no answer to a packet of ours that is under way. */
  #compare({ family, kind }: IcmpSocket, { bytes, from, at }: Received): void {
    const mark = readAnswer(bytes, family, family === 4 && kind === 'raw')
    if (mark === undefined || (kind === 'raw' && mark.identifier !== this.#identifier)) return
    const packet = this.#schedule.underWay(mark.number)
    if (packet === undefined || !isAnswer(mark, from, packet)) return
    this.#isTold = at !== undefined
    this.#schedule.answered(packet, roundTripMs(packet, at, now()))
  }

  #tell(): void {
    const ended = this.#schedule.ended()
    if (ended.length === 0 && this.#refused.length === 0) return
    const pings = [...this.#refused, ...ended]
    this.#refused = []
    this.#port.postMessage({ kind: 'ended', pings } satisfies FromThread)
  }
}

/** Behind the mark, bytes that differ from one another: a line that garbles one pattern may let another pass. */
function filler(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i & 0xff)
}

/** Sockets of both families, as far as they can be had; the name of the last error where there is none. */
function openSockets(system: System, kinds: readonly SocketKind[], identifier: number): Sockets | string {
  const sockets: Partial<Record<Family, IcmpSocket>> = {}
  let why = 'EPERM'
  for (const family of [4, 6] as const) {
    for (const kind of kinds) {
      const opened = system.open(family, kind, identifier)
      if (typeof opened === 'string') why = opened
      else {
        sockets[family] = opened
        break
      }
    }
  }
  return Object.keys(sockets).length === 0 ? why : sockets
}

async function serve(port: MessagePort, { kinds, stop }: ThreadStart): Promise<void> {
  const say = (message: FromThread) => port.postMessage(message)
  let system: System
  try {
    system = await System.load()
  } catch (thrown) {
    return say({ kind: 'unavailable', why: messageOf(thrown) })
  }
  const identifier = system.token()[0] & 0xffff
  // Before the sockets: where there are no more descriptors, none of them is left open by a thread that cannot begin.
  const bell = system.openBell()
  const sockets = openSockets(system, kinds, identifier)
  if (typeof sockets === 'string') {
    system.close(bell)
    return say({ kind: 'unavailable', why: `the system refuses ICMP sockets (${sockets})` })
  }
  const opened = Object.values(sockets)
  const descriptors = [bell, ...opened.map(({ descriptor }) => descriptor)]
  say({ kind: 'ready', bell, descriptors, families: opened.map(({ family }) => family) })
  new Loop(system, port, sockets, identifier).run(bell, stop)
}

if (parentPort === null) throw new Error('this module is started as a thread')
await serve(parentPort, workerData as ThreadStart)
