import { Button, SegmentedControl } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { call, callText } from '../api/call.ts'
import { instance } from '../api/queries.ts'
import { When } from '../parts/marks.tsx'
import { saveFile } from '../parts/save-file.ts'
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
  const { data: here } = useQuery(instance)
  const download = useMutation({
    mutationFn: () => callText('downloadLogs', { query: {} }),
    onSuccess: (content) => saveFile(content, `farwatch-${here?.name ?? 'instance'}.log`),
    onError: (error) => notifications.show({ message: error.message, color: 'red', autoClose: false }),
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
        <Button size="xs" variant="default" loading={download.isPending} onClick={() => download.mutate()}>
          {texts.common.download}
        </Button>
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
