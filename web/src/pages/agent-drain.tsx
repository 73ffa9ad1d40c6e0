import { Button, Modal } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, type ReactNode } from 'react'
import type { Agent } from '../../../src/contract/index.ts'
import { ApiError, call } from '../api/call.ts'
import { agentById, placementOf } from '../api/queries.ts'
import { Failure } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { drain: words } = texts.agents

/** How many of those that are still there are named; the rest is a number. */
const namedAtMost = 8

/**
 * Drains an agent in sight: what is left, why it is left, and the end. The server answers when nothing was missed, or when nothing more
 * can move; closing this does not stop it, and opening it again waits for the same end.
 */
export function DrainDialog({ agent: given, onClose }: { agent: Agent; onClose: () => void }): ReactNode {
  const client = useQueryClient()
  const { data: agent = given } = useQuery({ ...agentById(given.id), refetchInterval: 1_000 })
  const drain = useMutation({
    mutationFn: () => call('drainAgent', { params: { id: given.id } }),
    onSettled: () => client.invalidateQueries(),
  })
  const undrain = useMutation({
    mutationFn: () => call('undrainAgent', { params: { id: given.id } }),
    onSuccess: onClose,
    onSettled: () => client.invalidateQueries(),
  })
  // One that is under way already is waited for at once.
  const isUnderWay = useRef(given.drain === 'under way')
  const { mutate } = drain
  useEffect(() => {
    if (isUnderWay.current) mutate()
    isUnderWay.current = false
  }, [mutate])
  const isDone = drain.isSuccess || agent.drain === 'done'
  return (
    <Modal opened onClose={onClose} title={words.title(given.name)} size="lg">
      <div className="act-form">
        {isDone ? (
          <p className="success" role="status">
            {words.drained}
          </p>
        ) : drain.isIdle ? (
          <p>{words.text}</p>
        ) : (
          <>
            {drain.isPending ? (
              <p role="status">
                {agent.connectors === 0 ? words.lastResults : words.left(agent.connectors)}{' '}
                <span className="dim">{words.goesOn}</span>
              </p>
            ) : null}
            <Left agent={agent} />
          </>
        )}
        {drain.error === null || isDone ? null : <Refused error={drain.error} />}
        {undrain.error === null ? null : <Failure error={undrain.error} title={texts.agents.acts.undrain} />}
        <div className="act-buttons act-end">
          {agent.drain === 'none' ? null : (
            <Button variant="default" loading={undrain.isPending} onClick={() => undrain.mutate()}>
              {texts.agents.acts.undrain}
            </Button>
          )}
          <Button variant="default" onClick={onClose}>
            {texts.common.close}
          </Button>
          {drain.isIdle && !isDone ? <Button onClick={() => drain.mutate()}>{words.start}</Button> : null}
        </div>
      </div>
    </Modal>
  )
}

/** Why the drain is not done. Which connectors stay, and why, stands above by their names; the details here bear their ids only. */
function Refused({ error }: { error: Error }): ReactNode {
  if (!(error instanceof ApiError) || error.details.length === 0) return <Failure error={error} title={words.undone} />
  const { status, code, message, hint } = error
  return <Failure error={new ApiError(status, { code, message, hint })} title={words.stuck} />
}

/** What has not moved yet, and why. */
function Left({ agent }: { agent: Agent }): ReactNode {
  const places = useInfiniteQuery({ ...placementOf({ agent: agent.id }), refetchInterval: 1_000 })
  const rows = places.data?.pages.flatMap((page) => page.rows) ?? []
  if (agent.connectors === 0 || rows.length === 0) return null
  return (
    <ul className="places-left">
      {rows.slice(0, namedAtMost).map((place) => (
        <li key={place.connectorId}>
          <strong>
            {place.group} / {place.system} / {place.connector}
          </strong>{' '}
          <span className="dim">{place.why}</span>
        </li>
      ))}
      {agent.connectors > namedAtMost ? <li className="dim">{words.andMore(agent.connectors - namedAtMost)}</li> : null}
    </ul>
  )
}
