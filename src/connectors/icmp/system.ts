import { getSystemErrorName } from 'node:util'
import type { Family } from './packet.ts'

/**
 * The calls of Linux that ICMP sockets need and Node does not have. Constants and layouts are those of 64-bit little-endian machines, on which
 * all of Node's Linux ports that koffi has a binary for agree (`suitedProcessors` in permission.ts).
 */

/** How the kernel lets us ask: a datagram socket sees its own answers only, a raw one those of the whole machine. */
export type SocketKind = 'datagram' | 'raw'

export interface IcmpSocket {
  readonly descriptor: number
  readonly family: Family
  readonly kind: SocketKind
}

/** A packet that has arrived. What is in the arrays holds until the next call of `receive`. */
export interface Received {
  /** From its first byte, with the IP header where the socket is a raw one of IPv4; cut off behind what is looked at. */
  readonly bytes: Uint8Array
  /** 4 or 16 bytes. */
  readonly from: Uint8Array
  /** The wall clock when the kernel had it, in milliseconds; undefined where the kernel did not say. */
  readonly at: number | undefined
}

const afInet = 2
const afInet6 = 10
const sockDatagram = 2
const sockRaw = 3
const nonBlocking = 0x800
const closeOnExec = 0x80000
const protocolIcmp = 1
const protocolIcmp6 = 58
const solSocket = 1
const soSendBuffer = 7
const soReceiveBuffer = 8
const soAttachFilter = 26
const soSendBufferForce = 32
const soReceiveBufferForce = 33
const soTimestampNs = 35
const messageDontWait = 0x40
const pollIn = 1
const clockRealtime = 0

/** A burst is 50 packets; of 9,000 bytes each they take a megabyte. The kernel gives the usual user less, and then packets wait a turn. */
const bufferBytes = 2 * 1024 * 1024

/** Packets read by one call. */
const slots = 64
/** An IPv4 header with all options, and what we look at behind it (packet.ts). */
const slotBytes = 80
const nameBytes = 28
const controlBytes = 64
const messageBytes = 64

type Koffi = (typeof import('koffi'))['default']

export class System {
  readonly #errno: () => number
  readonly #socket: (domain: number, type: number, protocol: number) => number
  readonly #setOption: (descriptor: number, level: number, name: number, value: Uint8Array, length: number) => number
  readonly #sendTo: (
    descriptor: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    to: Uint8Array,
    toLength: number,
  ) => number
  readonly #receiveMany: (
    descriptor: number,
    messages: Uint8Array,
    count: number,
    flags: number,
    timeout: null,
  ) => number
  readonly #poll: (descriptors: Uint8Array, count: number, timeoutMs: number) => number
  readonly #eventDescriptor: (value: number, flags: number) => number
  readonly #read: (descriptor: number, into: Uint8Array, length: number) => number
  readonly #close: (descriptor: number) => number
  readonly #clock: (id: number, into: Uint8Array) => number
  readonly #random: (into: Uint8Array, length: number, flags: number) => number
  readonly #addressBytes: (family: number, text: string, into: Uint8Array) => number
  readonly #interfaceIndex: (name: string) => number

  readonly #address: (of: Uint8Array) => number
  readonly #inbox: Inbox
  readonly #moment = new DataView(new ArrayBuffer(16))
  readonly #momentBytes = new Uint8Array(this.#moment.buffer)
  readonly #chance = Buffer.alloc(1_024)
  #chanceLeft = 0
  readonly #counter = new Uint8Array(8)
  /** Only pointed to, so that they are held here. */
  readonly #filters: Uint8Array[] = []

  private constructor(koffi: Koffi) {
    // The C library, whichever it is: Node is linked with it.
    const library = koffi.load(null)
    this.#errno = koffi.errno
    this.#address = (of) => Number(koffi.address(of))
    this.#socket = library.func('int socket(int, int, int)')
    this.#setOption = library.func('int setsockopt(int, int, int, const void *, uint32_t)')
    this.#sendTo = library.func('int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)')
    this.#receiveMany = library.func('int recvmmsg(int, void *, unsigned int, int, void *)')
    this.#poll = library.func('int poll(void *, unsigned long, int)')
    this.#eventDescriptor = library.func('int eventfd(unsigned int, int)')
    this.#read = library.func('int64_t read(int, void *, size_t)')
    this.#close = library.func('int close(int)')
    this.#clock = library.func('int clock_gettime(int, void *)')
    this.#random = library.func('int64_t getrandom(void *, size_t, unsigned int)')
    this.#addressBytes = library.func('int inet_pton(int, const char *, void *)')
    this.#interfaceIndex = library.func('unsigned int if_nametoindex(const char *)')
    this.#inbox = makeInbox(this.#address)
  }

  /** @throws Error where koffi is not installed, has no binary for this machine, or does not find a call */
  static async load(): Promise<System> {
    const { default: koffi } = await import('koffi')
    return new System(koffi)
  }

  /** @returns the name of the system's error where it is refused */
  open(family: Family, kind: SocketKind, identifier: number): IcmpSocket | string {
    const descriptor = this.#socket(
      family === 4 ? afInet : afInet6,
      (kind === 'raw' ? sockRaw : sockDatagram) | nonBlocking | closeOnExec,
      family === 4 ? protocolIcmp : protocolIcmp6,
    )
    if (descriptor < 0) return this.#error()
    // Each of these makes it better and is needed by nobody: what is not granted is done without.
    for (const option of [soSendBuffer, soSendBufferForce, soReceiveBuffer, soReceiveBufferForce])
      this.#set(descriptor, option, integer(bufferBytes))
    this.#set(descriptor, soTimestampNs, integer(1))
    if (kind === 'raw') this.#attachFilter(descriptor, family, identifier)
    return { descriptor, family, kind }
  }

  close(descriptor: number): void {
    this.#close(descriptor)
  }

  /** A counter by which another thread wakes this one: it writes 8 bytes. @throws Error where there are no more descriptors */
  openBell(): number {
    const descriptor = this.#eventDescriptor(0, nonBlocking | closeOnExec)
    if (descriptor < 0) throw new Error(`no descriptor to be woken by (${this.#error()})`)
    return descriptor
  }

  silence(bell: number): void {
    this.#read(bell, this.#counter, 8)
  }

  /** Blocks this thread until one of these has something to read or the time is over; a signal may end it early. */
  wait(descriptors: Waiting, timeoutMs: number): void {
    this.#poll(descriptors.bytes, descriptors.count, timeoutMs)
  }

  /** @returns undefined where it was sent, else the name of the system's error */
  send(socket: IcmpSocket, bytes: Uint8Array, to: Uint8Array): string | undefined {
    return this.#sendTo(socket.descriptor, bytes, bytes.length, messageDontWait, to, to.length) < 0
      ? this.#error()
      : undefined
  }

  /** Hands over what has arrived. @returns whether there may be more */
  receive({ descriptor, family }: IcmpSocket, take: (packet: Received) => void): boolean {
    const { messages, view, parts, names, controlView } = this.#inbox
    const count = this.#receiveMany(descriptor, messages, slots, messageDontWait, null)
    for (let i = 0; i < count; i++) {
      const message = i * messageBytes
      const length = view.getUint32(message + 56, true)
      const part = parts[i]!
      take({
        bytes: length < slotBytes ? part.subarray(0, length) : part,
        from: names[family][i]!,
        at: timestamp(controlView, i * controlBytes, view.getUint32(message + 40, true)),
      })
      makeReady(view, message)
    }
    return count === slots
  }

  /** The wall clock, by which the kernel says when a packet arrived. */
  wallMs(): number {
    this.#clock(clockRealtime, this.#momentBytes)
    return milliseconds(this.#moment, 0)
  }

  /** 64 bits by chance. */
  token(): [number, number] {
    if (this.#chanceLeft < 8) {
      if (this.#random(this.#chance, this.#chance.length, 0) !== this.#chance.length)
        throw new Error(`the system gave no random bytes (${this.#error()})`)
      this.#chanceLeft = this.#chance.length
    }
    this.#chanceLeft -= 8
    return [this.#chance.readUInt32LE(this.#chanceLeft), this.#chance.readUInt32LE(this.#chanceLeft + 4)]
  }

  /** The socket address of a text such as `10.0.0.5` or `fe80::1%eth0`; undefined where it is none. */
  socketAddress(text: string, family: Family): Uint8Array | undefined {
    const [host, zone] = text.split('%')
    const into = new Uint8Array(family === 4 ? 16 : nameBytes)
    const view = new DataView(into.buffer)
    view.setUint16(0, family === 4 ? afInet : afInet6, true)
    const address = new Uint8Array(16)
    if (this.#addressBytes(family === 4 ? afInet : afInet6, host ?? '', address) !== 1) return undefined
    into.set(family === 4 ? address.subarray(0, 4) : address, family === 4 ? 4 : 8)
    if (family === 6 && zone !== undefined)
      view.setUint32(24, /^\d+$/.test(zone) ? Number(zone) : this.#interfaceIndex(zone), true)
    return into
  }

  /** The descriptors of `wait`. */
  waiting(descriptors: readonly number[]): Waiting {
    const bytes = new Uint8Array(descriptors.length * 8)
    const view = new DataView(bytes.buffer)
    descriptors.forEach((descriptor, i) => {
      view.setInt32(i * 8, descriptor, true)
      view.setInt16(i * 8 + 4, pollIn, true)
    })
    return {
      bytes,
      count: descriptors.length,
      isReady: (index) => (view.getInt16(index * 8 + 6, true) & pollIn) !== 0,
    }
  }

  #set(descriptor: number, option: number, value: Uint8Array): void {
    this.#setOption(descriptor, solSocket, option, value, value.length)
  }

  /**
   * A raw socket gets the answers to everybody on the machine, each of which would wake us. The kernel is told to pass on those with our
   * identifier; without this they are all read, and passed over.
   */
  #attachFilter(descriptor: number, family: Family, identifier: number): void {
    const program = family === 4 ? ownEchoReplies4(identifier) : ownEchoReplies6(identifier)
    const code = Buffer.alloc(program.length * 8)
    program.forEach(([operation, ifTrue, ifFalse, value], i) => {
      code.writeUInt16LE(operation, i * 8)
      code.writeUInt8(ifTrue, i * 8 + 2)
      code.writeUInt8(ifFalse, i * 8 + 3)
      code.writeUInt32LE(value, i * 8 + 4)
    })
    const about = Buffer.alloc(16)
    about.writeUInt16LE(program.length, 0)
    about.writeBigUInt64LE(BigInt(this.#address(code)), 8)
    this.#filters.push(code)
    this.#set(descriptor, soAttachFilter, about)
  }

  #error(): string {
    return getSystemErrorName(-this.#errno())
  }
}

/** Descriptors to wait for, as struct pollfd. */
export interface Waiting {
  readonly bytes: Uint8Array
  readonly count: number
  /** Whether one of them, by its place, had something to read when the last wait ended. */
  isReady(index: number): boolean
}

/** What `recvmmsg` fills: messages with pointers to their parts, which stay where they are for as long as this is held. */
interface Inbox {
  readonly messages: Uint8Array
  readonly view: DataView
  /** Of each message: what was received, and the address it came from. */
  readonly parts: readonly Uint8Array[]
  readonly names: Readonly<Record<Family, readonly Uint8Array[]>>
  readonly controlView: DataView
  /** Only pointed to, so that they are held here. */
  readonly vectors: Uint8Array
}

function makeInbox(address: (of: Uint8Array) => number): Inbox {
  const messages = new Uint8Array(slots * messageBytes)
  const bytes = new Uint8Array(slots * slotBytes)
  const vectors = new Uint8Array(slots * 16)
  const names = new Uint8Array(slots * nameBytes)
  const control = new Uint8Array(slots * controlBytes)
  const view = new DataView(messages.buffer)
  const vectorView = new DataView(vectors.buffer)
  const [bytesAt, vectorsAt, namesAt, controlAt] = [address(bytes), address(vectors), address(names), address(control)]
  const places = Array.from({ length: slots }, (_, i) => i)
  for (const i of places) {
    // struct iovec: where, how long.
    vectorView.setBigUint64(i * 16, BigInt(bytesAt + i * slotBytes), true)
    vectorView.setBigUint64(i * 16 + 8, BigInt(slotBytes), true)
    // struct mmsghdr: name, its length, parts, their count, control, its length, flags, and how much was received.
    const message = i * messageBytes
    view.setBigUint64(message, BigInt(namesAt + i * nameBytes), true)
    view.setBigUint64(message + 16, BigInt(vectorsAt + i * 16), true)
    view.setBigUint64(message + 24, 1n, true)
    view.setBigUint64(message + 32, BigInt(controlAt + i * controlBytes), true)
    makeReady(view, message)
  }
  const namesOf = (family: Family) =>
    places.map((i) => addressIn(names.subarray(i * nameBytes, (i + 1) * nameBytes), family))
  return {
    messages,
    view,
    parts: places.map((i) => bytes.subarray(i * slotBytes, (i + 1) * slotBytes)),
    names: { 4: namesOf(4), 6: namesOf(6) },
    controlView: new DataView(control.buffer),
    vectors,
  }
}

/** The kernel has written over the lengths how much it used. */
function makeReady(view: DataView, message: number): void {
  view.setUint32(message + 8, nameBytes, true)
  view.setUint32(message + 40, controlBytes, true)
}

/** The address alone of a socket address, 4 or 16 bytes. */
export function addressIn(socketAddress: Uint8Array, family: Family): Uint8Array {
  return family === 4 ? socketAddress.subarray(4, 8) : socketAddress.subarray(8, 24)
}

/** struct cmsghdr (length, level, kind) and a struct timespec behind it. */
function timestamp(view: DataView, start: number, length: number): number | undefined {
  if (length < 32 || view.getInt32(start + 8, true) !== solSocket || view.getInt32(start + 12, true) !== soTimestampNs)
    return undefined
  return milliseconds(view, start + 16)
}

/** Of a struct timespec; its seconds fit into 32 bits until 2106. */
function milliseconds(view: DataView, start: number): number {
  return view.getUint32(start, true) * 1_000 + view.getUint32(start + 8, true) / 1_000_000
}

function integer(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value, true)
  return bytes
}

type Instruction = readonly [operation: number, ifTrue: number, ifFalse: number, value: number]

const takeAll: Instruction = [0x06, 0, 0, 0xffffffff]
const takeNothing: Instruction = [0x06, 0, 0, 0]

/** Begins at the IPv4 header, over which it steps. */
const ownEchoReplies4 = (identifier: number): readonly Instruction[] => [
  [0xb1, 0, 0, 0],
  [0x50, 0, 0, 0],
  [0x15, 0, 3, 0],
  [0x48, 0, 0, 4],
  [0x15, 0, 1, identifier],
  takeAll,
  takeNothing,
]

/** Begins at the ICMPv6 header. */
const ownEchoReplies6 = (identifier: number): readonly Instruction[] => [
  [0x30, 0, 0, 0],
  [0x15, 0, 3, 129],
  [0x28, 0, 0, 4],
  [0x15, 0, 1, identifier],
  takeAll,
  takeNothing,
]
