import { groupsWith, may, type Access } from '../../access/index.ts'
import type { ConfigurationEdit, Difference } from '../../contract/index.ts'
import type { Inventory } from '../../inventory/index.ts'
import { readMoment } from '../read-request.ts'
import { demand, Page, visibleGroups, type Caller, type Handlers } from '../route.ts'

type Names =
  | 'showConfiguration'
  | 'applyConfiguration'
  | 'listRevisions'
  | 'listSnapshots'
  | 'createSnapshot'
  | 'showSnapshot'
  | 'diffSnapshot'
  | 'restoreSnapshot'
  | 'removeSnapshot'
  | 'listAudit'
  | 'showEditable'
  | 'editConfiguration'
  | 'compareRevisions'
  | 'undoRevision'

/** The configuration document, its revisions and snapshots, and the audit log. */
export function configurationHandlers(parts: {
  readonly inventory: Inventory
  readonly access: Pick<Access, 'renameGroup'>
  readonly environment: (name: string) => string | undefined
}): Handlers<Names> {
  const { inventory, access, environment } = parts
  const by = (caller: Caller, query: { readonly comment?: string; readonly dryRun?: boolean }) => ({
    author: caller.username,
    comment: query.comment,
    dryRun: query.dryRun,
    allowed: (group: string | null, role: 'editor' | 'admin') => may(caller.grants, role, group),
    groups: groupsWith(caller.grants, 'editor') === '*' ? undefined : visibleGroups(caller),
    // A document that names a variable sends its value to a target of the author's choice.
    ...(may(caller.grants, 'admin', null) ? { env: environment } : {}),
  })
  /**
   * Grants go by names. Where this is cut off the group is renamed all the same, and its users are given the new name by hand. The entry of the
   * audit log is what an undoing of the revision goes by.
   */
  const rename = async (caller: Caller, from: string, to: string, revision: number): Promise<void> => {
    await inventory.record({
      who: caller.username,
      action: renamed,
      what: `groups[${JSON.stringify(from)}]`,
      before: { name: from },
      after: { name: to, revision },
    })
    await access.renameGroup(caller.username, from, to)
  }
  return {
    showConfiguration: ({ caller }) => inventory.document(visibleGroups(caller)),
    applyConfiguration: async ({ caller, query, body }) =>
      shownDifference(await inventory.apply(body, { ...by(caller, query), prune: query.prune, base: query.base })),
    showEditable: ({ caller }) => ({
      revision: inventory.revision(),
      document: inventory.document(visibleGroups(caller)),
    }),
    editConfiguration: async ({ caller, query, body }) => {
      const difference = await inventory.edit(body.edits, { ...by(caller, query), base: body.base })
      const { revision } = difference
      if (revision !== null)
        for (const { from, to } of groupRenames(body.edits)) await rename(caller, from, to, revision)
      return shownDifference(difference)
    },
    compareRevisions: async ({ caller, query }) => {
      demand(caller, 'viewer', null)
      return shownDifference(await inventory.compare(query.from, query.to))
    },
    undoRevision: async ({ caller, params, query }) => {
      demand(caller, 'viewer', null)
      const { difference, conflicts } = await inventory.undo(params.revision, by(caller, query))
      if (difference.revision !== null) {
        const { entries } = await inventory.audit({ text: renamed, limit: mostRenames })
        for (const { after, before } of entries)
          if (isRename(after) && isNamed(before) && after.revision === params.revision)
            await rename(caller, after.name, before.name, difference.revision)
      }
      return { difference: shownDifference(difference), conflicts: [...conflicts] }
    },
    listRevisions: async ({ caller, query }) => {
      demand(caller, 'viewer', null)
      const page = await inventory.revisions({ cursor: query.cursor, limit: query.limit })
      return new Page([...page.entries], page.next ?? undefined)
    },
    // A snapshot holds every group.
    listSnapshots: async ({ caller }) => {
      demand(caller, 'viewer', null)
      return [...(await inventory.snapshots.list())]
    },
    createSnapshot: ({ caller, body }) => {
      demand(caller, 'editor', null)
      return inventory.snapshots.create({ name: body.name, author: caller.username })
    },
    showSnapshot: ({ caller, params }) => {
      demand(caller, 'viewer', null)
      return inventory.snapshots.show(params.id)
    },
    diffSnapshot: async ({ caller, params, query }) => {
      demand(caller, 'viewer', null)
      return shownDifference(await inventory.snapshots.diff(params.id, query.against))
    },
    restoreSnapshot: async ({ caller, params }) => {
      demand(caller, 'admin', null)
      return shownDifference(await inventory.snapshots.restore(params.id, { author: caller.username }))
    },
    removeSnapshot: async ({ caller, params }) => {
      demand(caller, 'admin', null)
      await inventory.snapshots.remove(params.id, { author: caller.username })
      return { done: true }
    },
    listAudit: async ({ caller, query }) => {
      demand(caller, 'admin', null)
      const { from, to, ...wanted } = query
      const page = await inventory.audit({
        ...wanted,
        ...(from === undefined ? {} : { from: readMoment('from', from) }),
        ...(to === undefined ? {} : { to: readMoment('to', to) }),
      })
      return new Page([...page.entries], page.next ?? undefined)
    },
  }
}

/** What the audit log calls a group's getting another name. */
const renamed = 'group renamed'

/** So many of the last renamings are looked through when a revision is undone. */
const mostRenames = 1_000

function groupRenames(edits: readonly ConfigurationEdit[]): readonly { readonly from: string; readonly to: string }[] {
  return edits.flatMap((edit) => {
    if (edit.is !== 'move') return []
    const { at, to } = edit
    const isOfGroup = 'group' in at && 'group' in to && Object.keys(at).length === 1 && at.group !== to.group
    return isOfGroup ? [{ from: at.group, to: to.group }] : []
  })
}

function isNamed(value: unknown): value is { readonly name: string } {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
}

function isRename(value: unknown): value is { readonly name: string; readonly revision: number } {
  return isNamed(value) && 'revision' in value && typeof value.revision === 'number'
}

export function shownDifference({ changes, ...rest }: Difference): Difference {
  return { ...rest, changes: [...changes] }
}
