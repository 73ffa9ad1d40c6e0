import { Table } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Result } from '../../../src/contract/index.ts'
import { monitors } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { formatSpan, formatValue } from '../format/values.ts'
import { texts } from '../texts.ts'
import { OutcomeMark } from './marks.tsx'

/** One run: how it went, what it said, what it measured. */
export function ResultDetails({ result, monitor }: { result: Result; monitor: string }): ReactNode {
  const { data: library } = useQuery(monitors)
  // Of a run by hand only what the monitor does not declare has a unit of its own.
  const declared = library?.find(({ id }) => id === monitor)?.metrics
  return (
    <>
      <p className="result-line">
        <OutcomeMark of={result.outcome} />
        <span className="number">{formatMoment(result.plannedAt)}</span>
        <span>{result.durationMs === null ? texts.common.none : formatSpan(result.durationMs)}</span>
        {result.reason === null ? null : <span className="bad">{result.reason}</span>}
        {result.late ? <span className="tag">{texts.watch.results.cameLate}</span> : null}
        <span className="dim">{result.agent}</span>
      </p>
      {result.message === null ? null : <p className="result-message">{result.message}</p>}
      {result.metrics.length === 0 ? null : (
        <Table.ScrollContainer minWidth={360} maxHeight={420}>
          <Table verticalSpacing={4}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{texts.system.metric}</Table.Th>
                <Table.Th ta="right">{texts.system.value}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {result.metrics.map((metric, i) => (
                <Table.Tr key={i}>
                  <Table.Td>
                    {metric.name}{' '}
                    <span className="dim">
                      {Object.entries(metric.labels)
                        .map(([key, value]) => `${key}=${value}`)
                        .join(', ')}
                    </span>
                  </Table.Td>
                  <Table.Td ta="right" className="nowrap number">
                    {formatValue(metric.value, metric.unit || (declared?.find(({ name }) => name === metric.name)?.unit ?? ''))}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </>
  )
}
