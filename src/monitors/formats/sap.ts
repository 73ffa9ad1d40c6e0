import {
  reservedKey,
  type Facts,
  type Gathered,
  type Item,
  type SapAnswer,
  type SapControlClient,
  type SapControlRead,
  type SapRow,
} from '../../sdk/index.ts'

/** What several monitors of SAP start services read out of the same kinds of answers. */

const colours: Readonly<Record<string, number>> = { GRAY: 1, GREEN: 2, YELLOW: 3, RED: 4 }

/** `SAPControl-GREEN` as a number, in the order of the public exporters: 1 grey, 2 green, 3 yellow, 4 red; undefined for anything else. */
export function colourOf(text: string | null): number | undefined {
  const name = text?.replace(/^SAPControl-/, '') ?? ''
  return Object.hasOwn(colours, name) ? colours[name] : undefined
}

export const colourTitle = '1 grey, 2 green, 3 yellow, 4 red'

/** A number as the services write them, such as `12`, `-1.5` or `1.5e+02`; undefined for anything else. */
export function numberOf(text: string | null | undefined): number | undefined {
  if (text === null || text === undefined || !/^[+-]?\d{1,18}(\.\d{1,18})?([eE][+-]?\d{1,2})?$/.test(text))
    return undefined
  return Number(text)
}

/** Seconds of `847:25:31`, whose hours are not bounded, or of a bare number of seconds. */
export function secondsOf(text: string | null): number | undefined {
  const parts = /^(\d{1,9}):(\d{1,2}):(\d{1,2})$/.exec(text ?? '')
  if (parts === null) return numberOf(text)
  return Number(parts[1]) * 3_600 + Number(parts[2]) * 60 + Number(parts[3])
}

/**
 * Names for the rows of an answer, each once: a second `jstart` is `jstart #2`. Rows of no name count under `otherwise`.
 */
export function namesOf<T>(rows: readonly T[], name: (row: T) => string | null, otherwise = 'unnamed'): string[] {
  const seen = new Map<string, number>()
  return rows.map((row) => {
    const given = (name(row) ?? '').slice(0, 200) || otherwise
    const count = (seen.get(given) ?? 0) + 1
    seen.set(given, count)
    return count === 1 ? given : `${given} #${count}`
  })
}

/** More of one metric nobody looks at, and a result holds ten thousand values. */
const mostItems = 1_000

/** Items of those rows that have the value, under the names that `namesOf` gave. */
export function namedItems<T>(
  rows: readonly T[],
  label: string,
  names: readonly string[],
  value: (row: T, place: number) => number | undefined,
): Item[] {
  return rows.slice(0, mostItems).flatMap((row, place) => {
    const read = value(row, place)
    return read === undefined ? [] : [{ labels: { [label]: names[place] ?? '' }, value: read }]
  })
}

/** Sums or counts by a key, as items; the keys with the largest values where there are more than `most`. */
export function itemsByKey(amounts: ReadonlyMap<string, number>, label: string, most = 100): Item[] {
  return [...amounts]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, most)
    .map(([key, value]) => ({ labels: { [label]: key }, value }))
}

export function added(amounts: Map<string, number>, key: string, amount: number): void {
  amounts.set(key, (amounts.get(key) ?? 0) + amount)
}

/** Facts under names that the target chose, so that whatever it calls its things, they can be kept. */
export function targetFacts(pairs: Iterable<readonly [name: string, value: string]>): Facts {
  const facts: [string, string][] = []
  for (const [name, value] of pairs) {
    const shown =
      name
        .slice(0, 190)
        .toWellFormed()
        .replaceAll(/\p{Cc}/gu, '\ufffd') || 'unnamed'
    if (facts.length < 100) facts.push([reservedKey(shown) ? `(${shown})` : shown, value.slice(0, 500)])
  }
  return Object.fromEntries(facts)
}

type NotAsked = Extract<SapAnswer<SapControlRead>, { readonly is: 'not asked' }>

/** A run that spared its target: nothing was measured, and it is said why. */
export function spared({ why, message }: NotAsked): Gathered<never> {
  return { metrics: {}, facts: { notAsked: why }, message }
}

/** The line of the profile that leaves these methods without a password, ready to paste. */
export function unprotected(...methods: readonly SapControlRead[]): string {
  return [
    '# Either: an operating-system user of the SAP host as the connector’s credential, <sid>adm or one named in the instance profile:',
    'service/admin_users = farwatch',
    '# (its password is checked by sapuxuserchk, which must belong to root and be setuid)',
    '# Or no password at all for what is read here. All exceptions of a system stand in this one line of the DEFAULT profile:',
    `service/protectedwebmethods = SDEFAULT ${methods.map((one) => `-${one}`).join(' ')}`,
    '# Then, as <sid>adm, for each instance (this restarts the start service alone, not the instance):',
    'sapcontrol -nr NN -function RestartService',
  ].join('\n')
}

export const noUserNeeded =
  'Nothing: every start service answers this without a password, unless service/protectedwebmethods is ALL.'

export function userNeeded(what: string): string {
  return `${what.replace(/[.:]$/, '')}: an operating-system user of the SAP host, or the methods below without a password.`
}

/** What all monitors say alike that read the tree of alerts. */
export const ofAlertTree = {
  needs: userNeeded('Local monitoring by CCMS in the SAP system, as it is delivered. To see its tree:'),
  grant: unprotected('GetAlertTree'),
}

/** Reads the tree and measures its leaves; where the start service is not to be asked now, it says why. */
export async function inAlertTree<G>(
  client: SapControlClient,
  signal: AbortSignal,
  measure: (leaves: readonly AlertLeaf[]) => G,
): Promise<G | Gathered<never>> {
  const seen = await client.read('GetAlertTree', signal)
  return seen.is === 'not asked' ? spared(seen) : measure(alertLeaves(seen.rows))
}

/** One leaf of the tree of alerts (CCMS, transaction RZ20), with the names above it. */
export interface AlertLeaf {
  /** `FW1/dialog01/R3Services/Dialog/ResponseTime` */
  readonly path: string
  readonly name: string
  /** The name of what it belongs to: `Dialog`. */
  readonly parent: string
  readonly colour: number | undefined
  /** In the unit beside it; undefined where it is a text or there is no value. */
  readonly value: number | undefined
  readonly unit: '' | 'ms' | 's' | '%' | 'B' | '/s'
  /** As it came: `15 msec`. */
  readonly text: string
}

const scales: Readonly<Record<string, readonly [AlertLeaf['unit'], number]>> = {
  msec: ['ms', 1],
  ms: ['ms', 1],
  sec: ['s', 1],
  s: ['s', 1],
  min: ['s', 60],
  '%': ['%', 1],
  kb: ['B', 1_024],
  mb: ['B', 1_048_576],
  gb: ['B', 1_073_741_824],
  '/s': ['/s', 1],
  '/sec': ['/s', 1],
  '/min': ['/s', 1 / 60],
  '/h': ['/s', 1 / 3_600],
}

const deepest = 20

/** Reads the leaves of the tree; parents are indices into the same list, and whatever they say, reading ends. */
export function alertLeaves(rows: readonly SapRow<'GetAlertTree'>[]): AlertLeaf[] {
  const parentOf = rows.map(({ parent }, place) => {
    const index = numberOf(parent)
    return index !== undefined && Number.isInteger(index) && index >= 0 && index < rows.length && index !== place
      ? index
      : undefined
  })
  const parents = new Set(parentOf)
  return rows.flatMap((row, place) => {
    if (parents.has(place)) return []
    const above: string[] = []
    for (let up = parentOf[place]; up !== undefined && above.length < deepest; up = parentOf[up])
      above.unshift(rows[up]?.name ?? '')
    const name = row.name ?? ''
    const text = row.description ?? ''
    return [
      {
        path: [...above, name].join('/').slice(0, 500),
        name,
        parent: above.at(-1) ?? '',
        colour: colourOf(row.ActualValue),
        text,
        ...amountOf(text),
      },
    ]
  })
}

function amountOf(text: string): { value: number | undefined; unit: AlertLeaf['unit'] } {
  const found = /^\s*(-?[\d.]{1,20})\s*([%/a-z]{0,10})/i.exec(text)
  const number = numberOf(found?.[1])
  if (found === null || number === undefined) return { value: undefined, unit: '' }
  const [unit, scale] = scales[found[2]!.toLowerCase()] ?? ['', 1]
  return { value: number * scale, unit }
}

/** The leaves of that name, those below `below` if there are any there: names repeat all over the tree. */
export function leavesNamed(leaves: readonly AlertLeaf[], name: RegExp, below?: RegExp): readonly AlertLeaf[] {
  const all = leaves.filter((leaf) => name.test(leaf.name))
  const preferred = below === undefined ? [] : all.filter((leaf) => below.test(leaf.path))
  return preferred.length > 0 ? preferred : all
}

/** The largest of their values. */
export function worstValue(leaves: readonly AlertLeaf[]): number | undefined {
  const values = leaves.flatMap(({ value }) => (value === undefined ? [] : [value]))
  return values.length === 0 ? undefined : Math.max(...values)
}

/** The worst of their colours; grey, which says that nothing was measured, only where there is no other. */
export function worstColour(leaves: readonly AlertLeaf[]): number | undefined {
  const seen = leaves.flatMap(({ colour }) => (colour === undefined ? [] : [colour]))
  return seen.length === 0 ? undefined : Math.max(...seen)
}

export const ownColours = 'SAP’s own: the colours of CCMS, whose thresholds are kept in RZ20.'
