import { Table, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Drill, Failover } from '../../../src/contract/index.ts'
import { drills as drillsQuery, failoverHistory } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { formatSpan } from '../format/values.ts'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { failover: words } = texts

function Listed(props: {
  readonly title: string
  readonly hint?: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly [key: string, ...cells: ReactNode[]])[]
  readonly none: string
}): ReactNode {
  return (
    <>
      <div className="section-head">
        <Title order={2}>{props.title}</Title>
      </div>
      {props.hint === undefined || props.rows.length === 0 ? null : <p className="quiet">{props.hint}</p>}
      {props.rows.length === 0 ? (
        <p className="quiet">{props.none}</p>
      ) : (
        <Table.ScrollContainer minWidth={520} className="sheet">
          <Table aria-label={props.title}>
            <Table.Thead>
              <Table.Tr>
                {props.columns.map((column) => (
                  <Table.Th key={column}>{column}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {props.rows.map(([key, ...cells]) => (
                <Table.Tr key={key}>
                  {cells.map((cell, i) => (
                    <Table.Td key={props.columns[i]}>{cell}</Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </>
  )
}

/** How far the side that does not act is, part by part. */
export function Parts({ now }: { now: Failover }): ReactNode {
  return (
    <Listed
      title={words.parts}
      columns={[words.part, words.state, words.lag, words.waits]}
      none={words.noParts}
      rows={now.parts.map(({ name, state, changes, seconds, why }) => [
        name,
        name,
        why === null ? words.partStates[state] : `${words.partStates[state]}: ${why}`,
        changes === null ? texts.common.none : words.changes(changes),
        seconds === null ? texts.common.none : formatSpan(seconds * 1_000),
      ])}
    />
  )
}

export function Witnesses({ now }: { now: Failover }): ReactNode {
  return (
    <Listed
      title={words.witnesses}
      hint={words.witnessesHint}
      columns={[words.agent, words.says]}
      none={now.acts ? words.witnessesThere : words.noWitnesses}
      rows={now.witnesses.map(({ agent, name, says }) => [agent, name ?? agent, words.voices[says]])}
    />
  )
}

export function Drills(): ReactNode {
  const drills = useQuery(drillsQuery)
  const span = (one: Drill['there']) => (one === null ? texts.common.none : formatSpan(one.ms))
  return (
    <Present query={drills}>
      {(all) => (
        <Listed
          title={words.drills}
          columns={[
            words.started,
            words.by,
            words.there,
            words.back,
            words.lost,
            words.duplicates,
            words.missed,
            words.repeated,
            words.problems,
          ]}
          none={words.noDrills}
          rows={all.map((drill) => [
            drill.startedAt,
            formatMoment(drill.startedAt),
            drill.by,
            span(drill.there),
            span(drill.back),
            drill.resultsLost,
            drill.duplicates,
            drill.runsMissed,
            drill.notificationsRepeated,
            drill.problems.length === 0 ? texts.common.none : <span className="bad">{drill.problems.join('; ')}</span>,
          ])}
        />
      )}
    </Present>
  )
}

/** What the pair did by itself, and why, from the audit log. */
export function History(): ReactNode {
  const history = useQuery(failoverHistory)
  return (
    <Present query={history}>
      {(entries) => (
        <Listed
          title={words.history}
          columns={[texts.configuration.when, words.what, words.why]}
          none={words.noHistory}
          rows={entries.map(({ id, at, action, what }) => [String(id), formatMoment(at), action, what])}
        />
      )}
    </Present>
  )
}
