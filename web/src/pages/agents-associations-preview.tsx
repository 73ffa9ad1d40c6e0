import { Button, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { call, type Answer } from '../api/call.ts'
import { Failure } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { associations: words } = texts.agents

type Wanted = { group: string; agents: string[] }[]
type Preview = Answer<'replaceAssociations'>

/** What saving would change, asked of the server, and only then the act: what is saved is exactly what the answer was about. */
export function AssociationPreview(props: { wanted: Wanted; isEdited: boolean; onSaved: () => void }): ReactNode {
  const { wanted, isEdited, onSaved } = props
  const client = useQueryClient()
  const [comment, setComment] = useState('')
  const ask = useMutation({
    mutationFn: (associations: Wanted) =>
      call('replaceAssociations', { query: { dryRun: true }, body: { associations } }),
  })
  const save = useMutation({
    mutationFn: (associations: Wanted) =>
      call('replaceAssociations', {
        query: comment.trim() === '' ? {} : { comment: comment.trim() },
        body: { associations },
      }),
    onSuccess: async () => {
      notifications.show({ message: words.saved, color: 'petrol' })
      ask.reset()
      setComment('')
      // Loaded before the edits are let go, so that the matrix does not flash what was before.
      await client.invalidateQueries({ queryKey: ['associations'] })
      onSaved()
      await client.invalidateQueries()
    },
  })
  if (!isEdited) return null
  const asked = ask.variables
  const isStale = JSON.stringify(asked) !== JSON.stringify(wanted)
  const error = save.error ?? ask.error
  return (
    <section className="apply" aria-label={words.ask}>
      {ask.data === undefined || isStale ? (
        <Button loading={ask.isPending} onClick={() => ask.mutate(wanted)}>
          {words.ask}
        </Button>
      ) : null}
      {error === null ? null : <Failure error={error} title={texts.agents.tabs.associations} />}
      {ask.data === undefined ? null : (
        <div className="difference">
          <Effects preview={ask.data} />
          {isStale ? <p className="stale">{words.stale}</p> : null}
          <div className="tool-line">
            <TextInput
              className="grow"
              aria-label={words.comment}
              placeholder={words.comment}
              value={comment}
              maxLength={500}
              onChange={(event) => setComment(event.currentTarget.value)}
            />
            <Button
              color={ask.data.uncovered.length > 0 ? 'red' : undefined}
              disabled={isStale}
              loading={save.isPending}
              onClick={() => save.mutate(asked ?? wanted)}
            >
              {ask.data.uncovered.length > 0 ? words.saveUncovering(ask.data.uncovered.length) : words.save}
            </Button>
          </div>
        </div>
      )}
    </section>
  )
}

function Effects({ preview }: { preview: Preview }): ReactNode {
  const { uncovered, becomeCovered, moves, weak } = preview
  return (
    <div className="effects">
      {uncovered.length === 0 ? (
        <p>{words.noneUncovered}</p>
      ) : (
        <div>
          <h3 className="small-head bad">{words.becomesUncovered}</h3>
          <ul className="plain-list">
            {uncovered.map(({ group, reason, connectors, of }) => (
              <li key={group}>
                <strong>{group}</strong>
                {connectors === of ? '' : ` (${words.parts(connectors, of)})`}: {reason}
              </li>
            ))}
          </ul>
        </div>
      )}
      {becomeCovered.length === 0 ? null : (
        <div>
          <h3 className="small-head plus">{words.becomesCovered}</h3>
          <ul className="plain-list">
            {becomeCovered.map((group) => (
              <li key={group}>
                <strong>{group}</strong>
              </li>
            ))}
          </ul>
        </div>
      )}
      <p>{words.moves(moves)}</p>
      {weak.length === 0 ? (
        <p className="dim">{words.weakNone}</p>
      ) : (
        <div>
          <h3 className="small-head">{words.weak}</h3>
          <ul className="plain-list">
            {weak.map(({ group, agent, effect }) => (
              <li key={`${group} ${agent} ${effect}`}>{words.weakLine(group, agent, effect)}</li>
            ))}
          </ul>
        </div>
      )}
    </div>
  )
}
