import { Button, Table } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { revisions as revisionsQuery } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

export function RevisionsTab(): ReactNode {
  const revisions = useInfiniteQuery(revisionsQuery)
  return (
    <Present query={revisions}>
      {(loaded) => {
        const rows = loaded.pages.flatMap((page) => page.rows)
        if (rows.length === 0) return <p className="quiet">{texts.configuration.noRevisions}</p>
        return (
          <>
            <Table.ScrollContainer minWidth={520} className="sheet">
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{texts.configuration.revision}</Table.Th>
                    <Table.Th>{texts.configuration.when}</Table.Th>
                    <Table.Th>{texts.configuration.author}</Table.Th>
                    <Table.Th>{texts.configuration.changes}</Table.Th>
                    <Table.Th>{texts.alarms.comment}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {rows.map((one) => (
                    <Table.Tr key={one.revision}>
                      <Table.Td className="number">{one.revision}</Table.Td>
                      <Table.Td className="nowrap">{formatMoment(one.at)}</Table.Td>
                      <Table.Td>{one.author}</Table.Td>
                      <Table.Td className="nowrap">
                        <span
                          title={texts.configuration.summary(one.summary.add, one.summary.change, one.summary.remove)}
                        >
                          <span className={one.summary.add > 0 ? 'plus' : 'dim'}>+{one.summary.add}</span>{' '}
                          <span className={one.summary.change > 0 ? 'tilde' : 'dim'}>~{one.summary.change}</span>{' '}
                          <span className={one.summary.remove > 0 ? 'minus' : 'dim'}>−{one.summary.remove}</span>
                        </span>
                      </Table.Td>
                      <Table.Td>{one.comment}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
            {revisions.hasNextPage ? (
              <Button
                variant="default"
                mt="sm"
                loading={revisions.isFetchingNextPage}
                onClick={() => void revisions.fetchNextPage()}
              >
                {texts.common.more}
              </Button>
            ) : null}
          </>
        )
      }}
    </Present>
  )
}
