import { FarwatchError, type Problem } from '../base/index.ts'
import type { Database, Statement } from '../platform/index.ts'
import type { Library } from '../sdk/index.ts'
import type { Configuration } from './configuration.ts'
import { editOf, type ConfigurationObject, type Edit, type ObjectKey } from './difference.ts'
import { encode, groupOf, objectOf, pathOf, type Encoded, type ObjectRow } from './store.ts'
import type { Put } from './with-objects.ts'

/** The edits of so many revisions are kept. They hold secrets that were replaced or removed since, sealed as they were. */
export const keptRevisions = 1_000

/** One object before and after a revision, as it was stored; null where there was none. */
interface EditRow extends ObjectKey {
  readonly revision: number
  readonly kind: ConfigurationObject['kind']
  readonly body_before: string | null
  readonly sealed_before: string | null
  readonly body_after: string | null
  readonly sealed_after: string | null
}

/** The statement that keeps what a revision did to one object. @param after as `storing` */
export function keeping(
  { kind, key, was }: Edit,
  after: Encoded | undefined,
  revision: number,
  number: number,
): Statement {
  const before = was === undefined ? undefined : encode(was)
  return {
    sql: `INSERT INTO configuration_edit
            (revision, number, kind, parent, place, name, body_before, sealed_before, body_after, sealed_after)
          VALUES ($revision, $number, $kind, $parent, $place, $name, $bodyBefore, $sealedBefore, $bodyAfter, $sealedAfter)`,
    params: {
      revision,
      number,
      kind,
      parent: key.parent,
      place: key.place,
      name: key.name,
      bodyBefore: before?.body ?? null,
      sealedBefore: before?.sealed ?? null,
      bodyAfter: after?.body ?? null,
      sealedAfter: after?.sealed ?? null,
    },
    expect: 1,
  }
}

/** The statement that forgets what revisions did that are too far back. */
export function forgetting(revision: number): Statement {
  return {
    sql: 'DELETE FROM configuration_edit WHERE revision <= $oldest',
    params: { oldest: revision - keptRevisions },
  }
}

/** What became of an object over some revisions. */
interface Way {
  readonly key: ObjectKey
  readonly kind: ConfigurationObject['kind']
  readonly first: EditRow
  readonly last: EditRow
}

/**
 * What revisions after `from`, up to `to`, did to each object taken together, in the order of paths.
 * @throws FarwatchError `not-found` where that is not known (any more)
 */
export async function waysBetween(database: Database, from: number, to: number): Promise<readonly Way[]> {
  await demandKept(database, from, to)
  const rows = await database.read<EditRow>(
    `SELECT revision, kind, parent, place, name, body_before, sealed_before, body_after, sealed_after FROM configuration_edit
     WHERE revision > $from AND revision <= $to ORDER BY revision, number`,
    { from, to },
  )
  const ways = new Map<string, Way>()
  for (const row of rows) {
    const name = keyText(row)
    const key = { parent: row.parent, place: row.place, name: row.name }
    ways.set(name, { key, kind: row.kind, first: ways.get(name)?.first ?? row, last: row })
  }
  return [...ways.values()]
}

async function demandKept(database: Database, from: number, to: number): Promise<void> {
  const counts = await database.read<{ revision: number }>(
    // Revisions of before edits were kept have changed something, and have no edits.
    `SELECT revision FROM configuration_revision AS r WHERE revision > $from AND revision <= $to
     AND NOT EXISTS (SELECT 1 FROM configuration_edit AS e WHERE e.revision = r.revision) ORDER BY revision LIMIT 1`,
    { from, to },
  )
  const [missing] = counts
  if (missing === undefined) return
  throw new FarwatchError('not-found', `what revision ${missing.revision} changed is not kept any more`, {
    hint: `The changes of the last ${keptRevisions} revisions are kept. Snapshots are kept until they are removed.`,
  })
}

/** What the ways come to, as a difference shows it. `connectorOf`: the connector type of a profile. */
export function editsOf(
  ways: readonly Way[],
  library: Library,
  connectorOf: (profile: string) => string | undefined,
): readonly Edit[] {
  return ways
    .flatMap(({ key, kind, first, last }) => {
      const type = connectorOf(key.parent)
      const was = objectIn(first, 'before', library, type)
      const object = objectIn(last, 'after', library, type)
      const edit = editOf(
        { key, path: pathOf({ kind, ...key }), group: groupIn(object ?? was, kind, key) },
        was,
        object,
      )
      return edit === undefined ? [] : [edit]
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

function groupIn(
  object: ConfigurationObject | undefined,
  kind: ConfigurationObject['kind'],
  key: ObjectKey,
): string | null {
  return object?.kind === 'maintenance' ? (object.value.written.group ?? null) : groupOf({ kind, ...key })
}

function objectIn(
  row: EditRow,
  side: 'before' | 'after',
  library: Library,
  connectorType: string | undefined,
): ConfigurationObject | undefined {
  const stored = storedIn(row, side)
  return stored === undefined ? undefined : objectOf(stored, library, connectorType).object
}

function storedIn(row: EditRow, side: 'before' | 'after'): ObjectRow | undefined {
  const { kind, parent, place, name } = row
  const body = side === 'before' ? row.body_before : row.body_after
  const sealed = side === 'before' ? row.sealed_before : row.sealed_after
  return body === null ? undefined : { kind, parent, place, name, body, sealed: sealed ?? '' }
}

export function keyText({ kind, parent, place, name }: ObjectKey & { readonly kind: string }): string {
  return JSON.stringify([kind, parent, place, name])
}

/** Who changed an object after a revision, last. */
export interface LaterChange {
  readonly path: string
  readonly revision: number
  readonly author: string
}

/** The objects that revisions after `base` touched, with the last one that did. @throws FarwatchError `not-found` */
export async function changedSince(
  database: Database,
  base: number,
  newest: number,
): Promise<ReadonlyMap<string, LaterChange>> {
  if (base === newest) return new Map()
  await demandKept(database, base, newest)
  const rows = await database.read<ObjectKey & { kind: EditRow['kind']; revision: number; author: string }>(
    `SELECT e.kind, e.parent, e.place, e.name, e.revision, r.author
     FROM configuration_edit AS e JOIN configuration_revision AS r ON r.revision = e.revision
     WHERE e.revision > $base ORDER BY e.revision`,
    { base },
  )
  return new Map(
    rows.map((row) => [keyText(row), { path: pathOf(row), revision: row.revision, author: row.author }] as const),
  )
}

/** What taking a revision back means for the present configuration. */
export interface Undoing {
  readonly puts: readonly Put[]
  /** Objects that are not any more as the revision left them: they are not touched. */
  readonly conflicts: readonly string[]
  readonly problems: readonly Problem[]
}

/** Each object of a revision as it was before, where it still is as that revision left it. `present`: as it is stored now. Pure. */
export function undo(
  ways: readonly Way[],
  present: ReadonlyMap<string, ObjectRow>,
  library: Library,
  connectorOf: (profile: string) => string | undefined,
): Undoing {
  const puts: Put[] = []
  const conflicts: string[] = []
  const problems: Problem[] = []
  // A profile that comes back brings the connector type of its monitors with it.
  const types = new Map<string, string>()
  for (const { key, kind, first, last } of ways.toSorted((a, b) => order(a) - order(b))) {
    const now = present.get(keyText({ kind, ...key }))
    const left = storedIn(last, 'after')
    const before = storedIn(first, 'before')
    if (now?.body !== left?.body || now?.sealed !== left?.sealed) {
      // Somebody has made it so already.
      if (now?.body !== before?.body || now?.sealed !== before?.sealed) conflicts.push(pathOf({ kind, ...key }))
      continue
    }
    if (before === undefined) {
      puts.push({ key, kind, object: undefined })
      continue
    }
    const { object, problems: found } = objectOf(before, library, types.get(key.parent) ?? connectorOf(key.parent))
    if (object.kind === 'profile') types.set(key.name, object.value.connector)
    problems.push(...found)
    puts.push({ key, kind, object })
  }
  return { puts, conflicts, problems }
}

/** What is put back comes from the outside in; what is taken away goes from the inside out. */
function order({ kind, first }: Way): number {
  const outer = { profile: 0, group: 0, association: 0, plugin: 0, maintenance: 0, dashboard: 0 }
  const inner = { ...outer, monitor: 1, credential: 1, system: 1, connector: 2 }
  return first.body_before === null ? 10 - inner[kind] : inner[kind]
}

/** Undoing an addition takes away all that was put into it since: those are objects that the revision did not know. */
export function takenAlong(edits: readonly Edit[], puts: readonly Put[]): readonly string[] {
  const known = new Set(puts.map(({ kind, key }) => keyText({ kind, ...key })))
  return edits.filter(({ kind, key }) => !known.has(keyText({ kind, ...key }))).map(({ path }) => path)
}

/** The connector type of a profile, as it is now. */
export function connectorTypes(configuration: Configuration): (profile: string) => string | undefined {
  return (profile) => configuration.profiles.get(profile)?.connector
}
