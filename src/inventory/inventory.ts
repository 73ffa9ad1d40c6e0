import { FarwatchError, messageOf, pathId, type Clock, type Problem } from '../base/index.ts'
import type { ConfigurationDocument, ConfigurationEdit, Difference } from '../contract/index.ts'
import type { Assignment, TravellingSettings } from '../model/index.ts'
import {
  breathing,
  inOnePiece,
  inPieces,
  type Breathe,
  type Database,
  type Log,
  type Pieces,
  type Statement,
} from '../platform/index.ts'
import { checkPluginSettings, type Library, type PluginFeed } from '../sdk/index.ts'
import { assigning, assignmentVersion, digestOfSystem, runnersOf, type GroupRunners, type Takes } from './assignment.ts'
import {
  auditSince,
  auditing,
  auditingOnce,
  listAudit,
  readPage,
  toPage,
  type AuditEntry,
  type AuditQuery,
  type AuditRecord,
  type AuditRowOfOther,
  type Page,
} from './audit.ts'
import { readDocument } from './check.ts'
import { prepareCheck, type CheckDraft, type PreparedCheck } from './check-draft.ts'
import {
  exportDocument,
  seesMaintenance,
  sorted,
  writeAssociation,
  writeDashboard,
  type Configuration,
  type Dashboard,
} from './configuration.ts'
import { difference, differing, type Edit } from './difference.ts'
import { edited, referringOf } from './edit.ts'
import { checkingReferences, merging, namePath, settle, settling, type Prune } from './plan.ts'
import { Problems } from './reading.ts'
import {
  changedSince,
  connectorTypes,
  editsOf,
  forgetting,
  keeping,
  keyText,
  takenAlong,
  undo,
  waysBetween,
} from './revisions.ts'
import { openSecrets, pluginContext, type Environment, type SecretVault } from './secrets.ts'
import { withRenamedAgent } from './renamed-agent.ts'
import { withObjects } from './with-objects.ts'
import { encode, fromRows, rowsOf, selectObjects, storing, type ObjectRow } from './store.ts'
import {
  emptyView,
  taskChanges,
  type View,
  viewOf,
  type GroupEntry,
  type SystemEntry,
  type TaskChanges,
  type TaskEntry,
} from './tasks.ts'
import { Windows, type MaintenanceEntry } from './windows.ts'

/** Whether the one who applies is `editor` or `admin` of a group; null stands for what belongs to no group. */
export type Allowed = (group: string | null, role: 'editor' | 'admin') => boolean

export interface ApplyOptions {
  readonly author: string
  readonly comment?: string | undefined
  /** Only say what would change. */
  readonly dryRun?: boolean | undefined
  /**
   * The revision that it was made from. Where an object that it changes was changed since then, nothing is changed and that is said: two
   * people never overwrite each other without knowing. Undefined: it is what is meant, whatever is there.
   */
  readonly base?: number | undefined
  /** Remove what the document does not name, as far as the one who applies can see. */
  readonly prune?: boolean | undefined
  /** Default: everything. */
  readonly allowed?: Allowed | undefined
  /** The groups that the one who applies can see; undefined for all of them. */
  readonly groups?: readonly string[] | undefined
  /** Where `{ env: NAME }` is looked up; undefined where that is not for the one who applies. */
  readonly env?: Environment
  /** Told from time to time how many objects of the document have been checked. */
  readonly progress?: ((checked: number) => void) | undefined
}

export type AssociateOptions = Omit<ApplyOptions, 'prune'>
export type EditOptions = Omit<ApplyOptions, 'prune' | 'progress'>
export type UndoOptions = Pick<ApplyOptions, 'author' | 'comment' | 'dryRun' | 'allowed' | 'groups'>

export interface Undone {
  readonly difference: Difference
  /** Paths of the objects that were changed since, or that were put into what would go: where there are any, nothing is undone. */
  readonly conflicts: readonly string[]
}

export interface Associated {
  readonly difference: Difference
  /** Who is to run each group then. */
  readonly runners: ReadonlyMap<string, GroupRunners>
}

export interface ConfigurationChange extends TaskChanges {
  readonly revision: number
  readonly pluginsChanged: boolean
}

export interface RevisionEntry {
  readonly revision: number
  readonly at: string
  readonly author: string
  readonly comment: string
  readonly summary: Difference['summary']
}

export interface SnapshotEntry {
  readonly id: string
  readonly name: string
  readonly at: string
  readonly author: string
  readonly revision: number
}

/** A configured plugin, ready for use: secrets in the clear. */
export interface PluginForUse {
  readonly name: string
  readonly plugin: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly sends: readonly PluginFeed[]
}

/** Narrows a listing. `groups`: the ones that the asker may see; undefined for all. */
export interface Place {
  readonly groups?: readonly string[] | undefined
  readonly group?: string | undefined
  readonly system?: string | undefined
  readonly connector?: string | undefined
}

/**
 * The configuration of an instance. Held whole in memory; every reading below is of one whole revision, costs no I/O, and gives
 * immutable values that may be kept.
 */
export interface Inventory {
  /** The revision in force; 0 before the first. */
  revision(): number
  /** Names what is configured: the same on two servers of a pair where both have the same. */
  stamp(): string
  /** What is stored was changed by something else than this inventory (the other server of a pair): reads it anew. Listeners are told. */
  reload(): Promise<void>
  /** What is stored and the present library does not take: it stays in the document and is not run. */
  problems(): readonly Problem[]
  /** The document, without what only others see. What it gives can be applied with `prune` and changes nothing. */
  document(groups?: readonly string[]): ConfigurationDocument
  /**
   * Checks a decoded document completely and makes it true, all of it or nothing. Changes are made one after another.
   * @throws FarwatchError `invalid-document` with every problem, `forbidden` naming the path, `storage-unwritable`
   */
  apply(document: unknown, options: ApplyOptions): Promise<Difference>
  /**
   * Replaces all associations by a list of `{ group, agents }`, and says who is to run what then.
   * @throws as `apply`
   */
  replaceAssociations(associations: unknown, options: AssociateOptions): Promise<Associated>
  /** Removes a dashboard; nothing changes where there is none of that name. @throws as `apply` */
  removeDashboard(name: string, options: AssociateOptions): Promise<Difference>
  /**
   * An agent has another name: associations and pins follow it, in one revision; where none names it there is none.
   * @throws FarwatchError `storage-unwritable`
   */
  renameAgent(from: string, to: string, given: { readonly author: string }): Promise<Difference>
  /**
   * Takes a maintenance window away.
   * @throws FarwatchError `not-found` where there is none that the one who asks sees, `forbidden`, `storage-unwritable`
   */
  removeMaintenance(name: string, options: Pick<ApplyOptions, 'author' | 'allowed' | 'groups'>): Promise<Difference>
  /**
   * Changes single objects, all of it or nothing, one on what the one before it left.
   * @throws as `apply`, with paths as a difference names them; `conflict` where what it is based on was changed by somebody else
   */
  edit(edits: readonly ConfigurationEdit[], options: EditOptions): Promise<Difference>
  /**
   * What the revisions after one, up to another, changed together, as far as somebody sees the groups.
   * @throws FarwatchError `not-found` where there is no such revision, or its changes are not kept any more
   */
  compare(from: number, to: number, groups?: readonly string[]): Promise<Difference>
  /**
   * Takes a revision back by a new one: each of its objects becomes what it was before. Where one of them was changed since, nothing is.
   * @throws FarwatchError `not-found` as `compare`; `conflict` naming what was changed since, but for a dry run; otherwise as `apply`
   */
  undo(revision: number, options: UndoOptions): Promise<Undone>
  /** Newest first. */
  revisions(page?: { cursor?: string | undefined; limit?: number | undefined }): Promise<Page<RevisionEntry>>
  /** Newest first. */
  audit(query?: AuditQuery): Promise<Page<AuditEntry>>
  /** Adds to the audit log. Where the deed is a database batch of its own, put `auditStatement` into that batch instead. */
  record(record: AuditRecord): Promise<void>
  auditStatement(record: AuditRecord): Statement
  readonly snapshots: Snapshots
  /** What is configured here, and what was done since a moment, for another server that is to keep it. Secrets are sealed. */
  ownWork(since: number): Promise<OwnConfiguration>
  /**
   * Keeps what was configured on another server that acted at the same time: as a snapshot, where it differs from what is configured here, and its
   * entries of the audit log. Nothing that is configured here is changed. Keeping the same again changes nothing.
   * @param name of the snapshot @returns it, or undefined where both are configured alike @throws FarwatchError `storage-unwritable`
   */
  keepWork(other: OwnConfiguration, name: string): Promise<SnapshotEntry | undefined>
  /** Called after each revision is stored, in order. @returns how to stop listening */
  onChange(listener: (change: ConfigurationChange) => void): () => void

  groups(groups?: readonly string[]): readonly GroupEntry[]
  systems(place?: Pick<Place, 'groups' | 'group'>): readonly SystemEntry[]
  system(id: string): SystemEntry | undefined
  /** In the order of names: group, system, connector, profile, monitor. */
  tasks(place?: Place): readonly TaskEntry[]
  task(id: string): TaskEntry | undefined
  associations(groups?: readonly string[]): readonly { readonly group: string; readonly agents: readonly string[] }[]
  /** Who is to run each group, whether they are there or not. Groups without systems, too. */
  runners(): ReadonlyMap<string, GroupRunners>
  plugins(): readonly PluginForUse[]
  /** By name; `groups` leaves out those of other groups, and keeps those of none. */
  maintenances(groups?: readonly string[]): readonly MaintenanceEntry[]
  /** Whether a task is in a maintenance window at a moment. As cheap as reading memory; asked for every result. */
  isInMaintenance(task: string, at: number): boolean
  /**
   * Makes ready what somebody wants to be run once by hand, configured or not: everything checked, the credential opened.
   * @throws FarwatchError `invalid-value` with every problem, `not-found` where there is no such group
   */
  prepareCheck(draft: CheckDraft): PreparedCheck
  /** In the order of names. */
  dashboards(): readonly Dashboard[]
  /**
   * @param agent `local` for the server's own, otherwise the agent's name
   * @param takes which connectors of the agent's groups it is to run; default: all of them
   */
  assignmentFor(agent: string, settings: TravellingSettings, takes?: Takes): Assignment
  /** The same with pauses; of one revision, whatever is changed in them. */
  assignmentInPieces(agent: string, settings: TravellingSettings, takes: Takes): Promise<Assignment>
  /** The version of that, which whoever has it needs no more than. */
  assignmentVersionFor(agent: string, settings: TravellingSettings): string
}

/** What is configured on a server, as it stores it, and entries of its audit log. */
export interface OwnConfiguration {
  readonly stamp: string
  readonly revision: number
  readonly rows: readonly ObjectRow[]
  readonly audit: readonly AuditRowOfOther[]
}

/** Saved copies of the whole configuration, with the secrets sealed as they were. */
export interface Snapshots {
  /** @throws FarwatchError `conflict` where there are too many */
  create(given: { name: string; author: string }): Promise<SnapshotEntry>
  /** Newest first. */
  list(): Promise<readonly SnapshotEntry[]>
  /** @throws FarwatchError `not-found`, as the next ones do */
  show(id: string): Promise<{ readonly snapshot: SnapshotEntry; readonly document: ConfigurationDocument }>
  /** What restoring it would change; with another snapshot, what is different in it against that one. */
  diff(id: string, against?: string): Promise<Difference>
  /** @throws FarwatchError `invalid-document` where the present library does not take what is in it */
  restore(id: string, given: { author: string; comment?: string | undefined }): Promise<Difference>
  remove(id: string, given: { author: string }): Promise<void>
}

const mostSnapshots = 1_000
/**
 * Opens the inventory of an instance. Where `revision()` is 0 it has never been given anything: the very first start, when
 * `defaultDocument` is applied.
 * @throws FarwatchError `storage-corrupt`
 */
export async function openInventory(options: {
  readonly database: Database
  readonly library: Library
  readonly vault: SecretVault
  readonly clock: Clock
  readonly log: Log
}): Promise<Inventory> {
  const { database, library, vault, clock, log } = options
  const first = await read(emptyView)
  let configuration: Configuration = first.configuration
  let problems: readonly Problem[] = first.problems
  let { view, revision, stamp } = first

  const listeners = new Set<(change: ConfigurationChange) => void>()
  let plugins: { of: Configuration['plugins']; ready: readonly PluginForUse[] } = { of: new Map(), ready: [] }
  let snapshotCount = 0
  let windows: { of: Configuration; ready: Windows } | undefined
  const windowsNow = (): Windows => {
    if (windows?.of !== configuration)
      windows = { of: configuration, ready: new Windows(configuration.maintenances, view) }
    return windows.ready
  }

  /** A secret that the vault cannot open harms what needs it and nothing else. */
  function reportUnreadable(path: string, thrown: unknown): void {
    if (problems.some((problem) => problem.path === path)) return
    problems = [...problems, { path, message: messageOf(thrown), hint: 'Enter the secret again.' }]
    log.error('stored secret not readable', { path, message: messageOf(thrown) })
  }

  async function read(before: View) {
    const stored = readStored(await database.read<ObjectRow>(selectObjects), library)
    const newest = await newestRevision(database)
    for (const { path, message } of stored.problems.slice(0, 20))
      log.error('stored configuration not usable', { path, message })
    return {
      ...stored,
      view: await preparedView(stored.configuration, before, breathing(clock)),
      revision: newest.revision,
      stamp: stampOf(newest),
    }
  }

  function tell(change: ConfigurationChange): void {
    for (const listener of listeners) {
      try {
        listener(change)
      } catch (thrown) {
        log.error('listener of the configuration failed', { revision: change.revision, message: messageOf(thrown) })
      }
    }
  }

  // Changes wait for each other: each is decided on what the one before it left.
  let changing: Promise<unknown> = Promise.resolve()
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = changing.then(act)
    // Whoever asked for it is told of a failure; the next one only waits.
    changing = turn.catch(() => undefined)
    return turn
  }

  async function commit(
    wanted: Configuration,
    edits: readonly Edit[],
    about: { author: string; comment?: string | undefined; dryRun?: boolean | undefined },
  ): Promise<Difference> {
    const breathe = breathing(clock)
    const { summary, changes } = await inPieces(showing(edits), breathe)
    if (about.dryRun === true || edits.length === 0)
      return { applied: about.dryRun !== true, revision: null, summary, changes }
    const at = clock.now()
    const next = revision + 1
    const { author } = about
    const statements: Statement[] = [
      {
        sql: `INSERT INTO configuration_revision (revision, at, author, comment, added, changed, removed)
              VALUES ($revision, $at, $author, $comment, $added, $changed, $removed)`,
        params: {
          revision: next,
          at,
          author,
          comment: about.comment ?? '',
          added: summary.add,
          changed: summary.change,
          removed: summary.remove,
        },
        expect: 1,
      },
    ]
    for (const [number, edit] of edits.entries()) {
      const { action, kind, path, before, after, object } = edit
      const encoded = object === undefined ? undefined : encode(object)
      statements.push(
        storing(edit, encoded),
        keeping(edit, encoded, next, number),
        auditing({ who: author, action: `${kind} ${pastTense[action]}`, what: path, before, after }, at),
      )
      const turn = breathe()
      if (turn !== undefined) await turn
    }
    statements.push(forgetting(next))
    const before = view
    const pluginsChanged = wanted.plugins !== configuration.plugins
    // Made before anything is stored or replaced: what could fail has then been done.
    const nextView = await preparedView(wanted, before, breathe)
    const tasks = await inPieces(taskChanges(before, nextView), breathe)
    await database.write(statements)
    configuration = wanted
    view = nextView
    revision = next
    stamp = stampOf({ revision: next, at, author })
    problems = problems.filter(({ path }) => !edits.some((edit) => path.startsWith(edit.path)))
    const change = { revision: next, pluginsChanged, ...tasks }
    log.info('configuration changed', { revision: next, author, ...summary, tasks: view.tasks.size })
    tell(change)
    return { applied: true, revision: next, summary, changes }
  }

  /** Checks what is given and says what it comes to; nothing is changed yet. */
  async function decide(
    document: unknown,
    given: ApplyOptions,
    prune: Prune,
  ): Promise<{ wanted: Configuration; edits: readonly Edit[] }> {
    const found = new Problems()
    const visible = given.groups === undefined ? undefined : new Set(given.groups)
    const breathe = breathing(clock)
    const written = await readDocument(
      document,
      {
        library,
        current: configuration,
        vault,
        environment: given.env,
        breathe: breathing(clock, given.progress),
      },
      found,
    )
    // Before anything is said about them: a group that one does not see is not there.
    for (const [name, { path }] of written.groups) {
      if (visible !== undefined && !visible.has(name) && given.allowed?.(name, 'editor') !== true)
        throw forbidden(path, name, 'editor')
    }
    const wanted = await inPieces(merging(configuration, written, { prune, visible }, library, found), breathe)
    if (found.list.length > 0) throw invalid(found)
    const edits = await inPieces(differing(configuration, wanted), breathe)
    demandAllowed(edits, given.allowed)
    await demandUntouched(edits, given.base)
    return { wanted, edits }
  }

  /** @throws FarwatchError `conflict` where an object that is to be changed was changed after the revision that the change was made from */
  async function demandUntouched(edits: readonly Edit[], base: number | undefined): Promise<void> {
    if (base === undefined) return
    if (base > revision)
      throw new FarwatchError('conflict', `there is no revision ${base} yet; the newest is ${revision}`, {
        hint: 'Load the configuration again: it may be that of another server.',
      })
    const since = await changedSince(database, base, revision)
    const found = edits.flatMap(({ kind, key }) => since.get(keyText({ kind, ...key })) ?? [])
    const [first] = found
    if (first === undefined) return
    throw new FarwatchError(
      'conflict',
      `${first.path} was changed by ${first.author} in revision ${first.revision}, after this change was begun; nothing was changed`,
      {
        problems: found.slice(0, 100).map(({ path, revision: at, author }) => ({
          path,
          message: `was changed by ${author} in revision ${at}`,
        })),
        hint: 'Look at what it is now, and make the change again.',
      },
    )
  }

  async function edit(given: readonly ConfigurationEdit[], options: EditOptions): Promise<Difference> {
    const found = new Problems()
    for (const one of given) {
      for (const place of [one.at, ...(one.is === 'move' ? [one.to] : [])].flat()) {
        if (!('group' in place) || options.groups === undefined || options.groups.includes(place.group)) continue
        if (options.allowed?.(place.group, 'editor') !== true)
          throw forbidden(namePath(['groups', place.group]), place.group, 'editor')
      }
    }
    const breathe = breathing(clock)
    const context = { library, vault, environment: options.env, breathe }
    const wanted = settle(configuration, await edited(configuration, given, context, found))
    return conclude(wanted, found, options)
  }

  /** What is left to be looked at once it is known what is wanted; then it is made true. */
  async function conclude(wanted: Configuration, found: Problems, options: EditOptions): Promise<Difference> {
    const breathe = breathing(clock)
    const edits = await inPieces(differing(configuration, wanted), breathe)
    const visible = options.groups === undefined ? undefined : new Set(options.groups)
    if (found.list.length === 0)
      await inPieces(checkingReferences(wanted, referringOf(edits), visible, library, found), breathe)
    demandAllowed(edits, options.allowed)
    await demandUntouched(edits, options.base)
    if (found.list.length > 0) throw invalid(found)
    return commit(wanted, edits, options)
  }

  async function compare(from: number, to: number, groups: readonly string[] | undefined): Promise<Difference> {
    if (from > to || to > revision)
      throw new FarwatchError('not-found', `there are no revisions from ${from} to ${to}; the newest is ${revision}`)
    const isSeen = sees(groups)
    const edits = editsOf(await waysBetween(database, from, to), library, connectorTypes(configuration)).filter(
      ({ group, kind }) => (group === null ? isForAll(kind) || groups === undefined : isSeen(group)),
    )
    return { ...shownEdits(edits), applied: false, revision: null }
  }

  async function undoRevision(of: number, options: UndoOptions): Promise<Undone> {
    if (of < 1 || of > revision)
      throw new FarwatchError('not-found', `there is no revision ${of}`, { hint: `The newest is ${revision}.` })
    const ways = await waysBetween(database, of - 1, of)
    const present = new Map(rowsOf(configuration).map((row) => [keyText(row), row]))
    const { puts, conflicts, problems: wrong } = undo(ways, present, library, connectorTypes(configuration))
    const wanted = settle(configuration, withObjects(configuration, puts))
    const edits = difference(configuration, wanted)
    const all = [...conflicts, ...takenAlong(edits, puts)]
    if (all.length > 0) {
      if (options.dryRun === true)
        return { difference: { ...shownEdits(edits), applied: false, revision: null }, conflicts: all }
      throw new FarwatchError('conflict', `revision ${of} cannot be undone: ${all[0]!} was changed since`, {
        problems: all.slice(0, 100).map((path) => ({ path, message: 'was changed since' })),
        hint: 'Undo the later revisions first, or change it by hand.',
      })
    }
    const found = new Problems()
    found.addAll(wrong)
    const comment = options.comment ?? `revision ${of} undone`
    return { difference: await conclude(wanted, found, { ...options, comment }), conflicts: [] }
  }

  async function apply(document: unknown, given: ApplyOptions): Promise<Difference> {
    const { wanted, edits } = await decide(document, given, given.prune === true ? 'everything' : 'nothing')
    return commit(wanted, edits, given)
  }

  async function replaceAssociations(associations: unknown, given: AssociateOptions): Promise<Associated> {
    const { wanted, edits } = await decide({ associations }, given, 'associations')
    return { difference: await commit(wanted, edits, given), runners: runnersOf(wanted) }
  }

  async function removeMaintenance(
    name: string,
    { author, allowed, groups }: Pick<ApplyOptions, 'author' | 'allowed' | 'groups'>,
  ): Promise<Difference> {
    const found = configuration.maintenances.get(name)
    const visible = groups === undefined ? undefined : new Set(groups)
    const isSeen = found !== undefined && (found.written.group === undefined || seesMaintenance(visible, found))
    if (!isSeen)
      throw new FarwatchError('not-found', `there is no maintenance window ${JSON.stringify(name)}`, {
        hint: 'GET /maintenances lists them.',
      })
    const maintenances = new Map([...configuration.maintenances].filter(([other]) => other !== name))
    const wanted = { ...configuration, maintenances }
    const edits = difference(configuration, wanted)
    demandAllowed(edits, allowed)
    return commit(wanted, edits, { author })
  }

  async function removeDashboard(name: string, given: AssociateOptions): Promise<Difference> {
    const dashboards = sorted(configuration.dashboards).flatMap(([other, one]) =>
      other === name ? [] : [writeDashboard(one)],
    )
    const { wanted, edits } = await decide({ dashboards }, given, 'dashboards')
    return commit(wanted, edits, given)
  }

  const toEntry = (row: SnapshotRow): SnapshotEntry => ({
    id: row.id,
    name: row.name,
    at: new Date(row.at).toISOString(),
    author: row.author,
    revision: row.revision,
  })

  async function readSnapshot(id: string) {
    const [row] = await database.read<SnapshotRow & { body: string }>(
      'SELECT id, name, at, author, revision, body FROM configuration_snapshot WHERE id = $id',
      { id },
    )
    if (row === undefined) throw noSnapshot(id)
    // Written by `create` below.
    return { snapshot: toEntry(row), ...readStored(JSON.parse(row.body) as ObjectRow[], library) }
  }

  async function restore(id: string, about: { author: string; comment?: string | undefined; dryRun: boolean }) {
    const { snapshot, configuration: saved, problems: wrong } = await readSnapshot(id)
    if (wrong.length > 0 && !about.dryRun) {
      throw new FarwatchError(
        'invalid-document',
        `the snapshot ${JSON.stringify(snapshot.name)} holds what this version does not take; nothing was changed`,
        { problems: wrong.slice(0, 100), hint: 'Export the snapshot, correct the document, and apply that.' },
      )
    }
    const breathe = breathing(clock)
    const wanted = await inPieces(settling(configuration, saved), breathe)
    return commit(wanted, await inPieces(differing(configuration, wanted), breathe), {
      ...about,
      comment: about.comment ?? `restored the snapshot ${snapshot.name}`,
    })
  }

  const snapshots: Snapshots = {
    create: ({ name, author }) =>
      inTurn(async () => {
        const [count] = await database.read<{ count: number }>('SELECT count(*) AS count FROM configuration_snapshot')
        if ((count?.count ?? 0) >= mostSnapshots)
          throw new FarwatchError('conflict', `there are already ${mostSnapshots} snapshots`, {
            hint: 'Remove some that are not needed any more.',
          })
        const at = clock.now()
        const id = pathId(name, author, String(at), String(snapshotCount++))
        const row = { id, name, at, author, revision }
        await database.write([
          { ...storingSnapshot(row, rowsOf(configuration)), expect: 1 },
          auditing({ who: author, action: 'snapshot created', what: name, after: { id, revision } }, at),
        ])
        return toEntry(row)
      }),
    async list() {
      const rows = await database.read<SnapshotRow>(
        'SELECT id, name, at, author, revision FROM configuration_snapshot ORDER BY at DESC, id',
      )
      return rows.map(toEntry)
    },
    async show(id) {
      const { snapshot, configuration: saved } = await readSnapshot(id)
      return { snapshot, document: exportDocument(saved) }
    },
    async diff(id, against) {
      if (against === undefined) return restore(id, { author: '', dryRun: true })
      const [{ configuration: wanted }, { configuration: before }] = await Promise.all([
        readSnapshot(id),
        readSnapshot(against),
      ])
      const settled = settle(before, wanted)
      return commit(settled, difference(before, settled), { author: '', dryRun: true })
    },
    restore: (id, given) => inTurn(() => restore(id, { ...given, dryRun: false })),
    async remove(id, { author }) {
      const { snapshot } = await readSnapshot(id)
      await database.write([
        { sql: 'DELETE FROM configuration_snapshot WHERE id = $id', params: { id }, expect: 1 },
        auditing({ who: author, action: 'snapshot removed', what: snapshot.name, before: { id } }, clock.now()),
      ])
    },
  }

  async function keepWork(other: OwnConfiguration, name: string): Promise<SnapshotEntry | undefined> {
    const statements = other.audit.map(auditingOnce)
    const isAlike = other.stamp === stamp
    const id = pathId('other server', other.stamp)
    const row: SnapshotRow = { id, name, at: clock.now(), author: 'failover', revision: other.revision }
    if (!isAlike) statements.push(storingSnapshot(row, other.rows))
    if (statements.length > 0) await database.write(statements)
    return isAlike ? undefined : toEntry(row)
  }

  const assignmentNow = (agent: string, settings: TravellingSettings, takes: Takes) =>
    assigning(
      configuration,
      view,
      windowsNow(),
      agent,
      settings,
      vault,
      (group, name, thrown) => reportUnreadable(namePath(['groups', group], ['credentials', name]), thrown),
      takes,
    )

  const sees = (groups: readonly string[] | undefined) => {
    const visible = groups === undefined ? undefined : new Set(groups)
    return (group: string) => visible === undefined || visible.has(group)
  }
  const visibleGroups = (groups: readonly string[] | undefined, group: string | undefined): GroupEntry[] => {
    const isSeen = sees(groups)
    if (group === undefined) return [...view.groups.values()].filter(({ name }) => isSeen(name))
    const one = isSeen(group) ? view.groups.get(group) : undefined
    return one === undefined ? [] : [one]
  }

  return {
    revision: () => revision,
    stamp: () => stamp,
    reload: () =>
      inTurn(async () => {
        const before = view
        const isSame = stamp === stampOf(await newestRevision(database))
        if (isSame) return
        const next = await read(before)
        const tasks = await inPieces(taskChanges(before, next.view), breathing(clock))
        configuration = next.configuration
        problems = next.problems
        view = next.view
        revision = next.revision
        stamp = next.stamp
        tell({ revision, pluginsChanged: true, ...tasks })
      }),
    problems: () => problems,
    document: (groups) => exportDocument(configuration, groups === undefined ? undefined : new Set(groups)),
    apply: (document, given) => inTurn(() => apply(document, given)),
    replaceAssociations: (associations, given) => inTurn(() => replaceAssociations(associations, given)),
    edit: (edits, given) => inTurn(() => edit(edits, given)),
    compare: (from, to, groups) => compare(from, to, groups),
    undo: (of, given) => inTurn(() => undoRevision(of, given)),
    removeDashboard: (name, given) => inTurn(() => removeDashboard(name, given)),
    ownWork: async (since) => ({
      stamp,
      revision,
      rows: rowsOf(configuration),
      audit: await auditSince(database, since),
    }),
    keepWork: (other, name) => inTurn(() => keepWork(other, name)),
    removeMaintenance: (name, given) => inTurn(() => removeMaintenance(name, given)),
    renameAgent: (from, to, { author }) =>
      inTurn(() => {
        const wanted = withRenamedAgent(configuration, from, to)
        const comment = `the agent ${from} is called ${to}`
        return commit(wanted, difference(configuration, wanted), { author, comment })
      }),
    async revisions(page = {}) {
      const { below, limit } = readPage(page)
      const rows = await database.read<{
        revision: number
        at: number
        author: string
        comment: string
        added: number
        changed: number
        removed: number
      }>(
        `SELECT revision, at, author, comment, added, changed, removed FROM configuration_revision
         WHERE revision < $below ORDER BY revision DESC LIMIT $rows`,
        { below, rows: limit + 1 },
      )
      const entries = rows.map((row) => ({
        revision: row.revision,
        at: new Date(row.at).toISOString(),
        author: row.author,
        comment: row.comment,
        summary: { add: row.added, change: row.changed, remove: row.removed },
      }))
      return toPage(entries, limit, (entry) => entry.revision)
    },
    audit: (query = {}) => listAudit(database, query),
    async record(record) {
      await database.write([auditing(record, clock.now())])
    },
    auditStatement: (record) => auditing(record, clock.now()),
    snapshots,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },

    groups: (groups) => visibleGroups(groups, undefined),
    systems: ({ groups, group } = {}) => visibleGroups(groups, group).flatMap((one) => one.systems),
    system: (id) => view.systems.get(id),
    tasks({ groups, group, system, connector } = {}) {
      if (groups === undefined && group === undefined && system === undefined && connector === undefined)
        return [...view.tasks.values()]
      return visibleGroups(groups, group).flatMap((one) =>
        one.systems.flatMap((entry) =>
          system !== undefined && entry.name !== system
            ? []
            : connector === undefined
              ? entry.tasks
              : entry.tasks.filter((task) => task.connector === connector),
        ),
      )
    },
    task: (id) => view.tasks.get(id),
    associations(groups) {
      const isSeen = sees(groups)
      return sorted(configuration.associations)
        .filter(([group]) => isSeen(group))
        .map(([, association]) => writeAssociation(association))
    },
    runners: () => runnersOf(configuration),
    dashboards: () => sorted(configuration.dashboards).map(([, dashboard]) => dashboard),
    plugins() {
      if (plugins.of === configuration.plugins) return plugins.ready
      const ready = sorted(configuration.plugins).flatMap(([, { name, plugin, settings, secrets, sends }]) => {
        const declared = library.plugins.get(plugin)
        if (declared === undefined) return []
        let clear: Readonly<Record<string, unknown>>
        try {
          clear = { ...settings, ...openSecrets(secrets, pluginContext(name), vault) }
        } catch (thrown) {
          reportUnreadable(namePath(['plugins', name]), thrown)
          return []
        }
        const checked = checkPluginSettings(declared, clear, '')
        return checked.ok ? [{ name, plugin, settings: checked.value, sends }] : []
      })
      plugins = { of: configuration.plugins, ready }
      return ready
    },
    maintenances(groups) {
      const isSeen = sees(groups)
      return windowsNow().all.filter(({ group }) => group === undefined || isSeen(group))
    },
    isInMaintenance: (task, at) => windowsNow().isOn(task, at),
    prepareCheck: (draft) => prepareCheck(draft, configuration, library, vault),
    assignmentFor: (agent, settings, takes = () => true) => inOnePiece(assignmentNow(agent, settings, takes)),
    assignmentInPieces: (agent, settings, takes) => inPieces(assignmentNow(agent, settings, takes), breathing(clock)),
    assignmentVersionFor: (agent, settings) => assignmentVersion(configuration, view, windowsNow(), agent, settings),
  }
}

/** With what every agent's call asks for: the first call would hold up all others while it is worked out. */
async function preparedView(configuration: Configuration, before: View, breathe: Breathe): Promise<View> {
  const view = await viewOf(configuration, before, breathe)
  for (const system of view.systems.values()) {
    digestOfSystem(system)
    const turn = breathe()
    if (turn !== undefined) await turn
  }
  return view
}

interface SnapshotRow extends Omit<SnapshotEntry, 'at'> {
  readonly at: number
}

/** One that is there already stays as it is. */
function storingSnapshot({ id, name, at, author, revision }: SnapshotRow, rows: readonly ObjectRow[]): Statement {
  return {
    sql: `INSERT INTO configuration_snapshot (id, name, at, author, revision, body)
          VALUES ($id, $name, $at, $author, $revision, $body) ON CONFLICT (id) DO NOTHING`,
    params: { id, name, at, author, revision, body: JSON.stringify(rows) },
  }
}

interface Revision {
  readonly revision: number
  readonly at: number
  readonly author: string
}

async function newestRevision(database: Database): Promise<Revision> {
  const [row] = await database.read<Revision>(
    'SELECT revision, at, author FROM configuration_revision ORDER BY revision DESC LIMIT 1',
  )
  return row ?? { revision: 0, at: 0, author: '' }
}

/** Revisions are made one after another, each at its own moment: who has the same newest one has the same configuration. */
function stampOf({ revision, at, author }: Revision): string {
  return `${revision}-${pathId(String(revision), String(at), author)}`
}

const pastTense = { add: 'added', change: 'changed', remove: 'removed' } as const

/** What somebody must be to make an edit. Whoever decides where credentials and alarms go to decides for everybody. */
function needsOf(edit: Edit): readonly (readonly [group: string | null, role: 'editor' | 'admin'])[] {
  switch (edit.kind) {
    case 'profile':
    case 'monitor':
    case 'dashboard':
      return [[null, 'editor']]
    case 'association':
    case 'plugin':
      return [[null, 'admin']]
    case 'group': {
      const { ownCommands } = edit.after ?? {}
      return [
        [edit.action === 'change' ? edit.group : null, 'editor'],
        // To run anything one likes on the systems of a group is more than to edit it; to end that is not.
        ...(ownCommands === 'allowed' ? ([[null, 'admin']] as const) : []),
      ]
    }
    case 'credential':
    case 'system':
    case 'connector':
      return [[edit.group, 'editor']]
    case 'maintenance': {
      // A window that is taken over from another group is that group's to give.
      const { before, after } = edit
      const isMoved = edit.action === 'change' && (before?.['group'] !== undefined || after?.['group'] !== undefined)
      const from = typeof before?.['group'] === 'string' ? before['group'] : null
      return isMoved
        ? [
            [from, 'editor'],
            [edit.group, 'editor'],
          ]
        : [[edit.group, 'editor']]
    }
  }
}

function demandAllowed(edits: readonly Edit[], allowed: Allowed | undefined): void {
  if (allowed === undefined) return
  for (const edit of edits) {
    for (const [group, role] of needsOf(edit)) if (!allowed(group, role)) throw forbidden(edit.path, group, role)
  }
}

/** Whether everybody sees an object that belongs to no group. */
function isForAll(kind: Edit['kind']): boolean {
  return kind !== 'plugin' && kind !== 'maintenance'
}

/** Edits as a difference shows them. */
function* showing(edits: readonly Edit[]): Pieces<Pick<Difference, 'summary' | 'changes'>> {
  const summary = { add: 0, change: 0, remove: 0 }
  const changes: Difference['changes'][number][] = []
  for (const { action, kind, path, before, after } of edits) {
    summary[action]++
    changes.push({
      action,
      kind,
      path,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    })
    if (changes.length % shownPerPiece === 0) yield
  }
  return { summary, changes }
}

const shownPerPiece = 500

function shownEdits(edits: readonly Edit[]): Pick<Difference, 'summary' | 'changes'> {
  return inOnePiece(showing(edits))
}

function forbidden(path: string, group: string | null, role: 'editor' | 'admin'): FarwatchError {
  return new FarwatchError('forbidden', `${path} may not be changed; nothing was changed`, {
    hint:
      group === null
        ? `It takes the role ${role} for all groups (*).`
        : `It takes the role ${role} in the group ${JSON.stringify(group)}.`,
  })
}

function invalid(problems: Problems): FarwatchError {
  const { list, isFull } = problems
  const [first] = list
  const count = list.length === 1 ? 'a problem' : `${isFull ? 'at least ' : ''}${list.length} problems`
  return new FarwatchError(
    'invalid-document',
    `the configuration document has ${count}; nothing was changed: ${first!.path === '' ? 'the document' : first!.path} ${first!.message}`,
    { problems: list, hint: first!.hint ?? '' },
  )
}

function readStored(rows: Iterable<ObjectRow>, library: Library): ReturnType<typeof fromRows> {
  try {
    return fromRows(rows, library)
  } catch (thrown) {
    throw new FarwatchError('storage-corrupt', `the stored configuration cannot be read: ${messageOf(thrown)}`, {
      hint: 'Restore the data directory from a copy.',
      cause: thrown,
    })
  }
}

function noSnapshot(id: string): FarwatchError {
  return new FarwatchError('not-found', `there is no snapshot ${JSON.stringify(id)}`, {
    hint: '`farwatch snapshot list` shows the ones there are.',
  })
}
