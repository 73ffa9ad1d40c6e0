/** `npm run bench -- --compare`: Farwatch and the systems that Debian packages, in turn on this machine. */
import { compareCheckRows } from './compare-checks.ts'
import { reasonOf, type CompareRow, type Line } from './compare-row.ts'
import { compareStoreRows } from './compare-stores.ts'
import { Stand } from './peers/stand.ts'
import { processTree } from './process-tree.ts'

export const compareRows: readonly CompareRow[] = [...compareCheckRows, ...compareStoreRows]
const peerNames = [...new Set(compareRows.flatMap(({ peers }) => peers))]
/** What `--compare` can be followed by: rows, peers, or both. */
export const compareWords: readonly string[] = [...compareRows.map(({ name }) => name), ...peerNames]

function shown(value: number): string {
  return value.toFixed(value < 1 ? 3 : value < 100 ? 2 : 0)
}

function textOf(line: Line): string {
  const words = `${line.work.padEnd(60)} ${line.peer.padEnd(26)}`
  switch (line.is) {
    case 'not seen':
      return `${words} not measured: ${line.reason}`
    case 'seen': {
      const { own, theirs, unit, wanted, note } = line
      const figures = [`${shown(own)} ${unit}`, `${shown(theirs)} ${unit}`, shown(own / theirs)]
      const tail = note === undefined ? '' : ` (${note})`
      return `${words} ${figures.map((figure) => figure.padStart(11)).join(' ')}   ${wanted.padEnd(18)}${tail}`
    }
  }
}

/** Peers do not notice that who started them is gone. */
function endAll(): void {
  for (const { pid } of processTree(process.pid)) {
    try {
      if (pid !== process.pid) process.kill(pid, 'SIGTERM')
    } catch {
      // It ended in between.
    }
  }
  process.exit(130)
}

/**
 * Prints a line as soon as its row was measured.
 *
 * @param words of `compareWords`; none of a kind means all of it
 * @param rounds how often Farwatch and each peer are measured in turn; the median is printed
 * @returns whether all was measured
 */
export async function compare(words: readonly string[], rounds: number): Promise<boolean> {
  const narrowed = (all: readonly string[]) => {
    const named = all.filter((name) => words.includes(name))
    return named.length === 0 ? all : named
  }
  const wantedRows = narrowed(compareRows.map(({ name }) => name))
  const wantedPeers = narrowed(peerNames)
  const heads = ['Farwatch', 'peer', 'ratio'].map((head) => head.padStart(11)).join(' ')
  console.log(`${'work'.padEnd(60)} ${'beside'.padEnd(26)} ${heads}   wanted of Farwatch`)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, endAll)
  await using stand = new Stand()
  let whole = true
  for (const row of compareRows) {
    const peers = row.peers.filter((name) => wantedPeers.includes(name))
    if (!wantedRows.includes(row.name) || peers.length === 0) continue
    try {
      for (const line of await row.run({ peers, rounds, stand })) {
        if (line.is === 'not seen') whole = false
        console.log(textOf(line))
      }
    } catch (thrown) {
      // The other rows still say something.
      whole = false
      console.log(`${row.name}: not measured: ${reasonOf(thrown)}`)
    }
  }
  return whole
}
