import { Table } from '@mantine/core'
import type { ReactNode } from 'react'
import { texts } from '../texts.ts'

/** A table of things that something can be done with, at the end of each row; on a narrow screen each row is a card. */
export function ActsTable(props: {
  readonly columns: readonly string[]
  readonly minWidth: number
  readonly children: ReactNode
}): ReactNode {
  const { columns, minWidth, children } = props
  return (
    <Table.ScrollContainer minWidth={minWidth} className="sheet">
      <Table className="stacked">
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Table.Th key={column}>{column}</Table.Th>
            ))}
            <Table.Th>
              <span className="visually-hidden">{texts.agents.columns.acts}</span>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>{children}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
