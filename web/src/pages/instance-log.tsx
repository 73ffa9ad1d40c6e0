import { SegmentedControl } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { call } from '../api/call.ts'
import { When } from '../parts/marks.tsx'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const levels = ['error', 'warn', 'info', 'debug'] as const
const { log: words } = texts.instance

export function LogTab(): ReactNode {
  const search = useSearch({ from: '/signed-in/instance' })
  const navigate = useNavigate({ from: '/instance' })
  const level = levels.find((one) => one === search.level) ?? 'info'
  const log = useQuery({
    queryKey: ['log', level],
    queryFn: ({ signal }) => call('listLogs', { query: { level, limit: 500 }, signal }),
    refetchInterval: 3_000,
  })
  return (
    <>
      <div className="filters">
        <SegmentedControl
          size="xs"
          aria-label={words.level}
          value={level}
          onChange={(value) => void navigate({ search: (old) => ({ ...old, level: value }) })}
          data={levels.map((value) => ({ value, label: words.levels[value] }))}
        />
      </div>
      <Present query={log}>
        {(rows) =>
          rows.length === 0 ? (
            <p className="quiet">{words.empty}</p>
          ) : (
            <ol className="log code" tabIndex={0}>
              {rows
                .toSorted((a, b) => b.at.localeCompare(a.at))
                .map((line, i) => (
                  <li key={i} className={`log-${line.level}`}>
                    <span className="dim nowrap">
                      <When at={line.at} />
                    </span>{' '}
                    <strong>{line.level}</strong> <span>{line.event}</span>{' '}
                    <span className="dim break">{fieldsOf(line.fields)}</span>
                  </li>
                ))}
            </ol>
          )
        }
      </Present>
    </>
  )
}

function fieldsOf(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}
