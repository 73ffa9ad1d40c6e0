import { Button, Modal, NativeSelect, SegmentedControl, Table, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState, type FormEvent, type ReactNode } from 'react'
import { snapshotDifference, snapshotDocument, snapshots as snapshotsQuery } from '../api/admin-queries.ts'
import { call, type Answer } from '../api/call.ts'
import { me } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { may } from '../model/access.ts'
import { writeDocument } from '../model/document.ts'
import { ChangeList } from '../parts/change-list.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { fieldError } from '../parts/field-error.ts'
import { Empty, Failure, Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { snapshots: words } = texts.administration

type Snapshot = Answer<'listSnapshots'>[number]

/** Saved copies of the configuration; one of them is opened below the list, compared with now or with another. */
export function SnapshotsTab(): ReactNode {
  const search = useSearch({ from: '/signed-in/administration' })
  const snapshots = useQuery(snapshotsQuery)
  const { data: user } = useQuery(me)
  const mayEdit = user !== undefined && may(user.grants, 'editor', '*')
  return (
    <>
      <SaveSnapshot allowed={mayEdit} />
      <Present query={snapshots}>
        {(rows) => {
          const opened = rows.find(({ id }) => id === search.snapshot)
          return rows.length === 0 ? (
            <Empty title={words.empty} hint={words.emptyHint} />
          ) : (
            <>
              <SnapshotTable snapshots={rows} opened={opened} />
              {opened === undefined ? null : <OpenedSnapshot key={opened.id} snapshot={opened} all={rows} />}
            </>
          )
        }}
      </Present>
    </>
  )
}

function SaveSnapshot({ allowed }: { allowed: boolean }): ReactNode {
  const client = useQueryClient()
  const [name, setName] = useState('')
  const save = useMutation({
    mutationFn: () => call('createSnapshot', { body: { name: name.trim() } }),
    onSuccess: (made) => {
      setName('')
      notifications.show({ message: words.saved(made.name), color: 'petrol' })
      return client.invalidateQueries({ queryKey: ['snapshots'] })
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <form className="filters" onSubmit={submit}>
      <TextInput
        className="filter-text"
        aria-label={words.name}
        placeholder={words.name}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={fieldError(save.error, 'name')}
        disabled={!allowed}
        required
      />
      <Button
        type="submit"
        size="sm"
        loading={save.isPending}
        disabled={!allowed}
        title={allowed ? undefined : texts.common.notAllowed}
      >
        {words.add}
      </Button>
      <span className="dim">{words.hint}</span>
      {save.error === null ? null : <Failure error={save.error} title={words.add} />}
    </form>
  )
}

function SnapshotTable({
  snapshots,
  opened,
}: {
  snapshots: readonly Snapshot[]
  opened: Snapshot | undefined
}): ReactNode {
  return (
    <Table.ScrollContainer minWidth={480} className="sheet">
      <Table aria-label={texts.administration.tabs.snapshots}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{words.name}</Table.Th>
            <Table.Th>{words.created}</Table.Th>
            <Table.Th>{words.author}</Table.Th>
            <Table.Th>{words.revision}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {snapshots.map((one) => (
            <Table.Tr key={one.id} className={one === opened ? 'chosen' : undefined}>
              <Table.Td className="break">
                <Link
                  to="/administration"
                  search={{ tab: 'snapshots', snapshot: one.id }}
                  aria-current={one === opened ? 'true' : undefined}
                >
                  {one.name}
                </Link>
              </Table.Td>
              <Table.Td className="nowrap">{formatMoment(one.at)}</Table.Td>
              <Table.Td className="break">{one.author}</Table.Td>
              <Table.Td className="number">{one.revision}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function OpenedSnapshot({ snapshot, all }: { snapshot: Snapshot; all: readonly Snapshot[] }): ReactNode {
  const search = useSearch({ from: '/signed-in/administration' })
  const navigate = useNavigate({ from: '/administration' })
  const client = useQueryClient()
  const { data: user } = useQuery(me)
  const [leaving, leave] = useState(false)
  const [restoring, restore] = useState(false)
  const remove = useMutation({
    mutationFn: () => call('removeSnapshot', { params: { id: snapshot.id } }),
    onSuccess: () => {
      notifications.show({ message: words.removed(snapshot.name), color: 'petrol' })
      void navigate({ search: { tab: 'snapshots' } })
      return client.invalidateQueries({ queryKey: ['snapshots'] })
    },
  })
  const isAdmin = user !== undefined && may(user.grants, 'admin', '*')
  const why = isAdmin ? undefined : texts.common.notAllowed
  const view = search.view === 'document' ? 'document' : 'difference'
  const against = all.find(({ id }) => id === search.against && id !== snapshot.id)
  return (
    <section className="card snapshot" aria-label={words.of(snapshot.name)}>
      <header className="card-head">
        <Title order={2}>{snapshot.name}</Title>
        <SegmentedControl
          size="xs"
          aria-label={words.of(snapshot.name)}
          value={view}
          onChange={(value) =>
            void navigate({ search: (old) => ({ ...old, view: value === 'difference' ? '' : value }), replace: true })
          }
          data={(['difference', 'document'] as const).map((value) => ({ value, label: words.views[value] }))}
        />
        <span className="tools head-end" title={why}>
          <Button size="xs" disabled={!isAdmin} onClick={() => restore(true)}>
            {words.restore}…
          </Button>
          <Button size="xs" variant="default" disabled={!isAdmin} onClick={() => leave(true)}>
            {words.remove}…
          </Button>
        </span>
      </header>
      {view === 'document' ? (
        <SnapshotDocument id={snapshot.id} />
      ) : (
        <>
          <NativeSelect
            className="snapshot-against"
            label={words.compareWith}
            value={against?.id ?? ''}
            onChange={(event) => {
              const { value } = event.currentTarget
              void navigate({ search: (old) => ({ ...old, against: value }) })
            }}
            data={[
              { value: '', label: words.now },
              ...all
                .filter(({ id }) => id !== snapshot.id)
                .map((one) => ({ value: one.id, label: `${one.name}, ${formatMoment(one.at)}` })),
            ]}
          />
          <SnapshotDifference id={snapshot.id} against={against} />
        </>
      )}
      {restoring ? <RestoreDialog snapshot={snapshot} onClose={() => restore(false)} /> : null}
      <Confirm
        opened={leaving}
        title={words.removeTitle(snapshot.name)}
        act={words.remove}
        dangerous
        pending={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate()}
        onClose={() => leave(false)}
      >
        <p>{words.removeText}</p>
      </Confirm>
    </section>
  )
}

function SnapshotDocument({ id }: { id: string }): ReactNode {
  const found = useQuery(snapshotDocument(id))
  return (
    <Present query={found}>
      {({ document }) => (
        <pre className="code snapshot-document" tabIndex={0}>
          {writeDocument(document)}
        </pre>
      )}
    </Present>
  )
}

function SnapshotDifference({ id, against }: { id: string; against: Snapshot | undefined }): ReactNode {
  const difference = useQuery(snapshotDifference(id, against?.id))
  return (
    <Present query={difference}>
      {(found) =>
        found.changes.length === 0 ? (
          <p className="quiet">{against === undefined ? words.sameNow : words.same}</p>
        ) : (
          <div className="snapshot-difference">
            <p className="quiet">{against === undefined ? words.wouldRestore : words.isDifferent(against.name)}</p>
            <ChangeList difference={found} />
          </div>
        )
      }
    </Present>
  )
}

/** What it changes is in sight, and the name has to be typed: a restore replaces everything that is configured. */
function RestoreDialog({ snapshot, onClose }: { snapshot: Snapshot; onClose: () => void }): ReactNode {
  const client = useQueryClient()
  const [typed, setTyped] = useState('')
  const difference = useQuery(snapshotDifference(snapshot.id, undefined))
  const restore = useMutation({
    mutationFn: () => call('restoreSnapshot', { params: { id: snapshot.id } }),
    onSuccess: ({ revision }) => {
      notifications.show({ message: words.restored(revision), color: 'petrol' })
      onClose()
      return client.invalidateQueries()
    },
  })
  const title = words.restoreTitle(snapshot.name)
  return (
    <Modal opened onClose={onClose} title={title} size="xl">
      <Present query={difference}>
        {(found) => (
          <form
            className="act-form"
            onSubmit={(event) => {
              event.preventDefault()
              if (typed.trim() === snapshot.name) restore.mutate()
            }}
          >
            {found.changes.length === 0 ? (
              <p className="quiet">{words.sameNow}</p>
            ) : (
              <>
                <p>{words.restoreText(found.changes.length)}</p>
                <ChangeList difference={found} />
                <TextInput
                  label={words.type(snapshot.name)}
                  value={typed}
                  onChange={(event) => setTyped(event.currentTarget.value)}
                  autoComplete="off"
                  spellCheck={false}
                />
              </>
            )}
            {restore.error === null ? null : <Failure error={restore.error} title={title} />}
            <div className="act-buttons act-end">
              <Button variant="default" onClick={onClose}>
                {texts.common.cancel}
              </Button>
              <Button
                type="submit"
                color="red"
                loading={restore.isPending}
                disabled={typed.trim() !== snapshot.name || found.changes.length === 0}
              >
                {words.restore}
              </Button>
            </div>
          </form>
        )}
      </Present>
    </Modal>
  )
}
