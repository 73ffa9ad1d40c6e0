import { Button, NativeSelect } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { call, type Answer } from '../api/call.ts'
import { me, revisionDifference, revisions as revisionsQuery } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { may } from '../model/access.ts'
import { ChangeList } from '../parts/change-list.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Empty, Present, Waiting } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const words = texts.config.revisions
type Revision = Answer<'listRevisions'>[number]

/** The past of the configuration: what each revision changed, what lies between any two, and how to take one back. */
export function RevisionsTab(): ReactNode {
  const search = useSearch({ from: '/signed-in/configuration' })
  const revisions = useInfiniteQuery(revisionsQuery)
  const { data: user } = useQuery(me)
  const [undoing, undo] = useState<Revision | undefined>()
  const allowed = user !== undefined && may(user.grants, 'editor')
  const [from, to] = [numberOf(search.from), numberOf(search.to)]
  return (
    <Present query={revisions}>
      {(loaded) => {
        const rows = loaded.pages.flatMap((page) => page.rows)
        if (rows.length === 0) return <p className="quiet">{texts.configuration.noRevisions}</p>
        return (
          <div className={`config-split revisions${to === undefined ? '' : ' has-subject'}`}>
            <div className="config-tree">
              <ol className="sheet plain-rows revision-list" aria-label={texts.config.tabs.revisions}>
                {rows.map((one) => (
                  <li key={one.revision} className={one.revision === to && from === to - 1 ? 'is-chosen' : undefined}>
                    <Link
                      to="/configuration"
                      search={{ tab: 'revisions', from: String(one.revision - 1), to: String(one.revision) }}
                      className="tree-link number"
                    >
                      {words.one(one.revision)}
                    </Link>
                    <Sums of={one.summary} />
                    <span className="dim nowrap">{formatMoment(one.at)}</span>
                    <span className="revision-who">
                      {one.author}
                      {one.comment === '' ? null : <span className="dim"> · {one.comment}</span>}
                    </span>
                  </li>
                ))}
              </ol>
              {revisions.hasNextPage ? (
                <Button
                  variant="default"
                  loading={revisions.isFetchingNextPage}
                  onClick={() => void revisions.fetchNextPage()}
                >
                  {texts.common.more}
                </Button>
              ) : null}
            </div>
            <section className="config-panel" aria-label={words.difference}>
              {from === undefined || to === undefined ? (
                <Empty title={words.pick} hint={words.pickHint} />
              ) : (
                <>
                  <Link to="/configuration" search={{ tab: 'revisions' }} className="config-back">
                    {words.back}
                  </Link>
                  <Between
                    rows={rows}
                    from={from}
                    to={to}
                    onUndo={allowed ? (revision) => undo(revision) : undefined}
                  />
                </>
              )}
            </section>
            {undoing === undefined ? null : <UndoDialog revision={undoing} onClose={() => undo(undefined)} />}
          </div>
        )
      }}
    </Present>
  )
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

function Sums({ of }: { of: Revision['summary'] }): ReactNode {
  return (
    <span className="nowrap" title={texts.configuration.summary(of.add, of.change, of.remove)}>
      <span className={of.add > 0 ? 'plus' : 'dim'}>+{of.add}</span>{' '}
      <span className={of.change > 0 ? 'tilde' : 'dim'}>~{of.change}</span>{' '}
      <span className={of.remove > 0 ? 'minus' : 'dim'}>−{of.remove}</span>
    </span>
  )
}

function Between({
  rows,
  from,
  to,
  onUndo,
}: {
  readonly rows: readonly Revision[]
  readonly from: number
  readonly to: number
  readonly onUndo: ((revision: Revision) => void) | undefined
}): ReactNode {
  const navigate = useNavigate({ from: '/configuration' })
  const difference = useQuery(revisionDifference(from, to))
  const one = rows.find(({ revision }) => revision === to)
  const numbers = [...new Set([...rows.map(({ revision }) => revision), from, to])].sort((a, b) => b - a)
  const go = (range: { from: number; to: number }): void =>
    void navigate({ search: { tab: 'revisions', from: String(range.from), to: String(range.to) } })
  const options = (most: number, least: number) =>
    [...numbers, 0]
      .filter((number, i, all) => number <= most && number >= least && all.indexOf(number) === i)
      .map((number) => ({ value: String(number), label: number === 0 ? words.beginning : words.one(number) }))
  return (
    <>
      <div className="head-line">
        <h2>{from === to - 1 ? words.one(to) : words.between(from, to)}</h2>
        {one === undefined || from !== to - 1 ? null : (
          <span className="dim">
            {one.author}, {formatMoment(one.at)}
          </span>
        )}
        {one !== undefined && from === to - 1 && onUndo !== undefined ? (
          <Button size="xs" variant="default" className="head-end" onClick={() => onUndo(one)}>
            {words.undo}
          </Button>
        ) : null}
      </div>
      {one !== undefined && from === to - 1 && one.comment !== '' ? <p>{one.comment}</p> : null}
      <div className="check-line revision-range">
        <NativeSelect
          label={words.from}
          value={String(from)}
          data={options(to - 1, 0)}
          onChange={(event) => go({ from: Number(event.currentTarget.value), to })}
        />
        <NativeSelect
          label={words.to}
          value={String(to)}
          data={options(Infinity, from + 1)}
          onChange={(event) => go({ from, to: Number(event.currentTarget.value) })}
        />
      </div>
      <Present query={difference}>
        {(found) =>
          found.changes.length === 0 ? <p className="quiet">{words.same}</p> : <ChangeList difference={found} isDone />
        }
      </Present>
    </>
  )
}

/** Shows what taking a revision back would change, and what stands in the way. */
function UndoDialog({ revision, onClose }: { readonly revision: Revision; readonly onClose: () => void }): ReactNode {
  const client = useQueryClient()
  const navigate = useNavigate({ from: '/configuration' })
  const params = { revision: revision.revision }
  const preview = useQuery({
    queryKey: ['configuration', 'undo', revision.revision],
    queryFn: ({ signal }) => call('undoRevision', { params, query: { dryRun: true }, signal }),
    retry: false,
    refetchInterval: false,
  })
  const undo = useMutation({
    mutationFn: () => call('undoRevision', { params, query: {} }),
    onSuccess: async ({ difference }) => {
      const made = difference.revision
      notifications.show({
        message: made === null ? texts.config.acts.same : words.undone(revision.revision, made),
        color: 'petrol',
      })
      onClose()
      if (made !== null) await navigate({ search: { tab: 'revisions', from: String(made - 1), to: String(made) } })
      await client.invalidateQueries()
    },
  })
  const conflicts = preview.data?.conflicts ?? []
  const nothing = preview.data !== undefined && preview.data.difference.changes.length === 0
  return (
    <Confirm
      opened
      title={words.undoTitle(revision.revision)}
      act={words.undoAct}
      pending={undo.isPending || preview.isPending}
      isPossible={preview.data !== undefined && conflicts.length === 0 && !nothing}
      error={undo.error ?? preview.error}
      onConfirm={() => undo.mutate()}
      onClose={onClose}
    >
      {preview.isPending ? <Waiting /> : null}
      {conflicts.length === 0 ? null : (
        <div className="failure" role="alert">
          <strong>{words.conflicts}</strong>
          <ul className="problems">
            {conflicts.map((path) => (
              <li key={path}>
                <code className="break">{path}</code>
              </li>
            ))}
          </ul>
          <span className="dim">{words.conflictsHint}</span>
        </div>
      )}
      {preview.data === undefined ? null : nothing ? (
        <p className="quiet">{words.nothingToUndo}</p>
      ) : (
        <>
          <p>{words.undoing}</p>
          <ChangeList difference={preview.data.difference} />
        </>
      )}
    </Confirm>
  )
}
