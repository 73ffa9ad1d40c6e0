import { NativeSelect } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import type { ConfigurationDocument, ConfigurationEdit, Difference, ObjectPlace } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import { kindOf, nameOf, placeKey } from '../model/configuration-tree.ts'
import { ChangeList } from '../parts/change-list.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Failure, Waiting } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const words = texts.config.acts

/** What edits would do, asked of the server before they are made. */
export function useDryRun(revision: number, edits: readonly ConfigurationEdit[] | undefined) {
  return useQuery({
    queryKey: ['configuration', 'dry run', revision, edits],
    queryFn: ({ signal }) =>
      call('editConfiguration', {
        query: { dryRun: true },
        body: { base: revision, edits: [...(edits ?? [])] },
        signal,
      }),
    enabled: edits !== undefined,
    retry: false,
    refetchInterval: false,
  })
}

/** Makes edits; what they did is told. */
export function useEdits(revision: number, onDone: (difference: Difference) => void) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (edits: readonly ConfigurationEdit[]) =>
      call('editConfiguration', { query: {}, body: { base: revision, edits: [...edits] } }),
    onSuccess: async (difference) => {
      notifications.show({
        message: difference.revision === null ? words.same : words.saved(difference.revision),
        color: 'petrol',
      })
      onDone(difference)
      await client.invalidateQueries()
    },
  })
}

/** Shows first what goes with it. */
export function RemoveDialog({
  at,
  revision,
  onClose,
  onDone,
}: {
  readonly at: ObjectPlace
  readonly revision: number
  readonly onClose: () => void
  readonly onDone: () => void
}): ReactNode {
  const edits = [{ is: 'remove', at } as const]
  const preview = useDryRun(revision, edits)
  const remove = useEdits(revision, onDone)
  const kind = texts.config.kinds[kindOf(at)]
  return (
    <Confirm
      opened
      title={words.removeTitle(kind, nameOf(at))}
      act={words.removeAct(preview.data?.summary.remove ?? 1)}
      dangerous
      pending={remove.isPending || preview.isPending}
      error={remove.error ?? preview.error}
      onConfirm={() => {
        if (preview.data !== undefined) remove.mutate(edits)
      }}
      onClose={onClose}
    >
      {preview.data === undefined ? (
        preview.error === null ? (
          <Waiting />
        ) : null
      ) : (
        <>
          <p>{words.removing}</p>
          <ChangeList difference={preview.data} />
          <p className="quiet">{words.removeHistory}</p>
        </>
      )}
    </Confirm>
  )
}

/** A system goes to another group, a connector to another system. */
export function MoveDialog({
  at,
  document,
  revision,
  onClose,
  onDone,
}: {
  readonly at: ObjectPlace
  readonly document: ConfigurationDocument
  readonly revision: number
  readonly onClose: () => void
  readonly onDone: (place: ObjectPlace) => void
}): ReactNode {
  const groups = document.groups ?? []
  const [group, setGroup] = useState('group' in at ? at.group : '')
  const systems = groups.find(({ name }) => name === group)?.systems ?? []
  const [chosen, setSystem] = useState('system' in at ? at.system : '')
  const system = systems.some(({ name }) => name === chosen) ? chosen : (systems[0]?.name ?? '')
  const to: ObjectPlace | undefined =
    'connector' in at
      ? system === ''
        ? undefined
        : { group, system, connector: at.connector }
      : 'system' in at
        ? { group, system: at.system }
        : undefined
  const edits = to === undefined || placeKey(to) === placeKey(at) ? undefined : [{ is: 'move', at, to } as const]
  const preview = useDryRun(revision, edits)
  const move = useEdits(revision, () => {
    if (to !== undefined) onDone(to)
  })
  return (
    <Confirm
      opened
      title={words.moveTitle(nameOf(at))}
      act={words.moveAct}
      pending={move.isPending}
      error={move.error}
      onConfirm={() => {
        if (edits !== undefined && preview.data !== undefined) move.mutate(edits)
      }}
      onClose={onClose}
    >
      <NativeSelect
        label={words.moveGroup}
        value={group}
        data={groups.map(({ name }) => name)}
        onChange={(event) => setGroup(event.currentTarget.value)}
      />
      {'connector' in at ? (
        <NativeSelect
          label={words.moveSystem}
          value={system}
          data={systems.map(({ name }) => name)}
          onChange={(event) => setSystem(event.currentTarget.value)}
        />
      ) : null}
      <p className="quiet">{words.moveNote}</p>
      {preview.error === null ? null : <Failure error={preview.error} title={words.moveTitle(nameOf(at))} />}
      {preview.data === undefined ? null : <ChangeList difference={preview.data} />}
    </Confirm>
  )
}
