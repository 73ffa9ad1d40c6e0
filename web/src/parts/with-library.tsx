import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { connectors as connectorsQuery, monitors as monitorsQuery } from '../api/queries.ts'
import type { Library } from '../model/object-draft.ts'
import { Present } from './states.tsx'

/** Draws what needs the declarations, once they are there. */
export function WithLibrary({ children }: { children: (library: Library) => ReactNode }): ReactNode {
  const connectors = useQuery(connectorsQuery)
  const monitors = useQuery(monitorsQuery)
  return (
    <Present query={connectors}>
      {(types) => <Present query={monitors}>{(all) => children({ connectors: types, monitors: all })}</Present>}
    </Present>
  )
}
