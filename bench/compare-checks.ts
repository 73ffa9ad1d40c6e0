/** Checks of Farwatch and of its peers in turn, at the same rate and at the same server. */
import { reasonOf, type Asked, type CompareRow, type Line } from './compare-row.ts'
import { loads, withServer } from './load.ts'
import { blackbox } from './peers/blackbox.ts'
import { icinga } from './peers/icinga.ts'
import type { Carrying, ComparedKind, Peer, PeerLoad, PreparedPeer } from './peers/peer.ts'
import { zabbix } from './peers/zabbix.ts'
import { processTree, treeCpuMs } from './process-tree.ts'
import { median, sleep } from './row.ts'
import { notRun, Watched, type Window } from './watch-load.ts'

const peers: readonly Peer[] = [zabbix, blackbox, icinga]
const names = peers.map(({ name }) => name)
const windowMs = 6_000
/** After the first period, until all have settled. */
const settleMs = 2_000
/** Until what was checked in a window is stored: Zabbix writes once a second, Icinga too. */
const storedMs = 2_500
const tasksForMemory = 5_000
const mebibyte = 1024 ** 2

/** What is aimed at: of a stored check, and of its ratio to Zabbix in one run. */
const wantedMs: Record<ComparedKind, string> = { 'http-new': '0.09 ms', tcp: '0.05 ms', ping: '0.25 ms' }

function sumOf(roots: readonly number[], of: (root: number) => number): number {
  return roots.reduce((sum, root) => sum + of(root), 0)
}

interface PartSeen {
  readonly name: string
  readonly cpuMsPerCheck: number
}

interface PeerWindow {
  readonly parts: readonly PartSeen[]
  readonly storedPerSecond: number
}

// Zabbix begins what is due with each second of the clock, so that a window begins and ends between two.
async function toHalfSecond(): Promise<void> {
  await sleep(1_000 - ((Date.now() + 500) % 1_000))
}

async function measure({ parts, stored }: Carrying): Promise<PeerWindow> {
  await toHalfSecond()
  const reading = () => parts.map(({ roots }) => sumOf(roots, treeCpuMs))
  const from = Date.now()
  const before = reading()
  await sleep(windowMs)
  const after = reading()
  const to = Date.now()
  await sleep(storedMs)
  const count = await stored(from, to)
  if (count === 0) throw new Error('nothing that it checked was stored')
  return {
    parts: parts.map(({ name }, i) => ({ name, cpuMsPerCheck: (after[i]! - before[i]!) / count })),
    storedPerSecond: (count * 1_000) / (to - from),
  }
}

/** Starts a peer with a load, waits until it is under way, and ends it. */
async function carrying<T>(
  peer: PreparedPeer,
  load: PeerLoad,
  settle: number,
  act: (it: Carrying) => Promise<T>,
): Promise<T> {
  const carried = await peer.carry(load)
  try {
    await sleep(load.periodMs + settle)
    return await act(carried)
  } finally {
    await carried.stop()
  }
}

/** What was seen of a peer in all rounds, until it failed. */
interface Seen {
  readonly peer: Peer
  readonly windows: PeerWindow[]
  failed?: string
}

function linesOf(work: string, own: readonly Window[], seen: Seen, rate: number, kind: ComparedKind): readonly Line[] {
  const { peer, windows, failed } = seen
  if (failed !== undefined) return [{ is: 'not seen', work, peer: peer.name, reason: failed }]
  const stored = median(windows.map(({ storedPerSecond }) => storedPerSecond))
  // What a check costs that is given up says nothing of those that are stored.
  if (stored < rate / 2)
    return [{ is: 'not seen', work, peer: peer.name, reason: `it stores ${stored.toFixed(0)}/s of ${rate}` }]
  const worst = notRun(own.reduce((a, b) => (b.coverage < a.coverage ? b : a)))
  const remarks = [
    stored < 0.97 * rate ? `stores ${stored.toFixed(0)}/s of ${rate}` : '',
    peer.does[kind],
    worst === '' ? '' : `ours: ${worst}`,
  ]
  return windows[0]!.parts.map(({ name }, i) => ({
    is: 'seen',
    work,
    peer: `${peer.name}, ${name}`,
    unit: 'ms',
    own: median(own.map(({ cpuMsPerCheck }) => cpuMsPerCheck)),
    theirs: median(windows.map(({ parts }) => parts[i]!.cpuMsPerCheck)),
    wanted: kind === 'http-new' && peer === zabbix ? `${wantedMs[kind]}, 0.7 of it` : wantedMs[kind],
    note: remarks.filter((remark) => remark !== '').join('; '),
  }))
}

/** For each rate: Farwatch, then those that are compared at it, and again from the beginning. */
function compareChecks(kind: ComparedKind, { peers: named, rounds, stand }: Asked): Promise<readonly Line[]> {
  return withServer(async (port) => {
    await using watched = await Watched.start()
    const wanted = chosen(named)
    const rates = [...new Set(wanted.map((peer) => peer.rates[kind]))]
    const load = loads[kind]
    const own = new Map<number, Window[]>(rates.map((rate) => [rate, []]))
    const seen = wanted.map((peer): Seen => ({ peer, windows: [] }))
    for (let round = 0; round < rounds; round++) {
      for (const rate of rates) {
        const tasks = (rate * load.periodMs) / 1_000
        await watched.carry(load, tasks, port, settleMs)
        own.get(rate)!.push(await watched.measure(windowMs))
        await watched.rest()
        for (const one of seen) {
          if (one.peer.rates[kind] !== rate || one.failed !== undefined) continue
          try {
            const peerLoad = { kind, tasks, periodMs: load.periodMs, port }
            one.windows.push(await carrying(await stand.get(one.peer), peerLoad, settleMs, measure))
          } catch (thrown) {
            one.failed = reasonOf(thrown)
          }
        }
      }
    }
    return seen.flatMap((one) => {
      const rate = one.peer.rates[kind]
      return linesOf(`${load.title}, ${rate}/s: CPU for each stored`, own.get(rate)!, one, rate, kind)
    })
  })
}

/** Memory of process trees, shared pages counted once: a sum of resident sizes would count what PostgreSQL's processes share many times. */
function ownMebibytes(roots: readonly number[]): number {
  return sumOf(roots, (root) => processTree(root).reduce((sum, { ownBytes }) => sum + ownBytes, 0)) / mebibyte
}

function residentMebibytes(roots: readonly number[]): number {
  return sumOf(roots, (root) => processTree(root).reduce((sum, { residentBytes }) => sum + residentBytes, 0)) / mebibyte
}

const settleForMemoryMs = 10_000

function compareMemory({ peers: named, stand }: Asked): Promise<readonly Line[]> {
  return withServer(async (port) => {
    const lines: Line[] = []
    for (const peer of chosen(named)) {
      // As many tasks for all, at the rate that it holds.
      const periodMs = (tasksForMemory * 1_000) / peer.rates['http-new']
      const work = `memory, ${tasksForMemory} HTTP tasks at ${periodMs / 1_000} s`
      try {
        await using watched = await Watched.start()
        await watched.carry({ ...loads['http-new'], periodMs }, tasksForMemory, port, settleForMemoryMs)
        const mine = [watched.instance.pid]
        const own = { once: ownMebibytes(mine), resident: residentMebibytes(mine) }
        await watched.rest()
        const load: PeerLoad = { kind: 'http-new', tasks: tasksForMemory, periodMs, port }
        await carrying(await stand.get(peer), load, settleForMemoryMs, ({ parts }) => {
          const { name, roots } = parts.at(-1)!
          const theirs = { once: ownMebibytes(roots), resident: residentMebibytes(roots) }
          lines.push({
            is: 'seen',
            work,
            peer: `${peer.name}, ${name}`,
            unit: 'MiB',
            own: own.once,
            theirs: theirs.once,
            wanted: '250 MiB',
            note: `shared pages once; RSS ${own.resident.toFixed(0)} and ${theirs.resident.toFixed(0)}`,
          })
          return Promise.resolve()
        })
      } catch (thrown) {
        lines.push({ is: 'not seen', work, peer: peer.name, reason: reasonOf(thrown) })
      }
    }
    return lines
  })
}

function chosen(wanted: readonly string[]): readonly Peer[] {
  return peers.filter(({ name }) => wanted.includes(name))
}

export const compareCheckRows: readonly CompareRow[] = [
  ...(['http-new', 'tcp', 'ping'] as const).map((kind) => ({
    name: kind,
    about: `CPU for each stored check: ${loads[kind].title}`,
    peers: names,
    run: (asked: Asked) => compareChecks(kind, asked),
  })),
  {
    name: 'memory',
    about: `memory with ${tasksForMemory} HTTP tasks`,
    // At the rate that Icinga holds, as many would take nearly a minute to be under way once.
    peers: [zabbix.name, blackbox.name],
    run: compareMemory,
  },
]
