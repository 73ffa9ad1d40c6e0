import { Button, Group, Loader, Stack, Text, Title } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { Link, type ErrorComponentProps } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { ApiError } from '../api/call.ts'
import { formatMomentShort } from '../format/times.ts'
import { texts } from '../texts.ts'
import { useNow } from './use-now.ts'
import { withCode } from './with-code.tsx'

/** Loading takes a moment to appear, so that what comes at once does not flicker. */
export function Waiting(): ReactNode {
  return (
    <div className="waiting" role="status">
      <Loader size="sm" />
      <span>{texts.common.loading}</span>
    </div>
  )
}

export function Empty({ title, hint, children }: { title: string; hint?: string; children?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <Text fw={600}>{title}</Text>
      {hint === undefined ? null : (
        <Text size="sm" c="dimmed" maw="34rem">
          {hint}
        </Text>
      )}
      {children}
    </div>
  )
}

/**
 * What went wrong, in the server's words, and what to do about it. Something that one may not see is no failure, and to try again would
 * be no use: that is said calmly, unless it is an act that was refused, which has a `title`.
 */
export function Failure({ error, title, again }: { error: Error; title?: string; again?: () => void }): ReactNode {
  if (title === undefined && error instanceof ApiError && error.code === 'forbidden')
    return <Empty title={texts.common.forbidden} hint={texts.common.forbiddenHint(error.message)} />
  const hint = error instanceof ApiError ? error.hint : ''
  const details = error instanceof ApiError ? error.details : []
  const activeUrl = error instanceof ApiError ? error.activeUrl : null
  return (
    <div className="failure" role="alert">
      <strong>{title ?? texts.common.failedToLoad}</strong>
      <span>{withCode(error.message)}</span>
      {hint === '' ? null : <span className="dim">{withCode(hint)}</span>}
      {activeUrl === null ? null : <a href={activeUrl}>{texts.failover.activeServer}</a>}
      {details.length === 0 ? null : (
        <ul className="problems">
          {details.map((problem, i) => (
            <li key={i}>
              <code>{problem.path}</code> {problem.message}
              {problem.hint === undefined || problem.hint === '' ? null : <span className="hint"> {problem.hint}</span>}
            </li>
          ))}
        </ul>
      )}
      {again === undefined ? null : (
        <Button className="failure-again" size="xs" variant="default" onClick={again}>
          {texts.common.retry}
        </Button>
      )}
    </div>
  )
}

type Loaded<T> = Pick<UseQueryResult<T>, 'data' | 'error' | 'errorUpdateCount' | 'isPending' | 'dataUpdatedAt'> & {
  refetch: () => unknown
}

/**
 * Draws what a query loaded, in each of its states: loading, failed, and present. What was loaded once stays on the screen while it
 * cannot be refreshed, with a line above that says how old it is.
 */
export function Present<T>({ query, children }: { query: Loaded<T>; children: (data: T) => ReactNode }): ReactNode {
  // A query forgets its failure whenever it tries again, and some try every few seconds: the page must not flicker with them.
  const [failed, setFailed] = useState(query.error)
  if (query.error !== null && query.error !== failed) setFailed(query.error)
  if (query.data === undefined) {
    const error = query.errorUpdateCount > 0 ? failed : null
    if (error instanceof ApiError && error.status === 404) return <NothingHere />
    if (error !== null) return <Failure error={error} again={() => void query.refetch()} />
    return <Waiting />
  }
  return (
    <>
      <Stale query={query} />
      {children(query.data)}
    </>
  )
}

export function Stale({ query }: { query: Pick<UseQueryResult, 'error' | 'dataUpdatedAt'> }): ReactNode {
  const now = useNow(60_000)
  if (query.error === null) return null
  return (
    <div className="stale" role="status">
      {texts.common.staleAs(formatMomentShort(query.dataUpdatedAt, now), query.error.message)}
    </div>
  )
}

export function NothingHere(): ReactNode {
  return (
    <Stack align="center" p="xl" gap="xs">
      <Title order={1}>{texts.common.notFound}</Title>
      <Text c="dimmed">{texts.common.notFoundHint}</Text>
      <Link to="/">{texts.common.toOverview}</Link>
    </Stack>
  )
}

export function Crashed({ error }: ErrorComponentProps): ReactNode {
  // What was thrown is an error in all but name where a library threw something else.
  const known = error instanceof Error ? error : new Error(String(error))
  return (
    <Stack p="xl" maw="44rem" mx="auto">
      <Failure error={known} title={texts.common.crashed} />
      <Group>
        <Button onClick={() => window.location.reload()}>{texts.common.retry}</Button>
      </Group>
    </Stack>
  )
}
