import { Button, SegmentedControl, Switch } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useMemo, useState, type ReactNode } from 'react'
import { call, callText, type Answer } from '../api/call.ts'
import { instance } from '../api/queries.ts'
import { FilterText } from '../parts/filter-text.tsx'
import { When } from '../parts/marks.tsx'
import { saveFile } from '../parts/save-file.ts'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const levels = ['error', 'warn', 'info', 'debug'] as const
const { log: words } = texts.instance
const everyMs = 1_000

type Line = Answer<'listLogs'>[number]

/** The newest lines first, new ones as they come, unless somebody holds them to read. */
export function LogTab(): ReactNode {
  const search = useSearch({ from: '/signed-in/instance' })
  const navigate = useNavigate({ from: '/instance' })
  const [isHeld, hold] = useState(false)
  const level = levels.find((one) => one === search.level)
  const log = useQuery({
    queryKey: ['log', level ?? 'all'],
    queryFn: ({ signal }) =>
      call('listLogs', { query: { limit: 1_000, ...(level === undefined ? {} : { level }) }, signal }),
    refetchInterval: isHeld ? false : everyMs,
  })
  const { data: here } = useQuery(instance)
  const download = useMutation({
    mutationFn: () => callText('downloadLogs', { query: {} }),
    onSuccess: (content) => saveFile(content, `farwatch-${here?.name ?? 'instance'}.log`),
    onError: (error) => notifications.show({ message: error.message, color: 'red', autoClose: false }),
  })
  const filter = useCallback(
    (text: string) => void navigate({ search: (old) => ({ ...old, text }), replace: true }),
    [navigate],
  )
  return (
    <>
      <div className="filters">
        <FilterText label={words.filter} value={search.text ?? ''} onChange={filter} />
        <SegmentedControl
          size="xs"
          aria-label={words.level}
          value={level ?? 'all'}
          onChange={(value) => void navigate({ search: (old) => ({ ...old, level: value === 'all' ? '' : value }) })}
          data={[
            { value: 'all', label: texts.common.all },
            ...levels.map((value) => ({ value, label: words.levels[value] })),
          ]}
        />
        <Switch label={words.live} checked={!isHeld} onChange={(event) => hold(!event.currentTarget.checked)} />
        <Button size="xs" variant="default" loading={download.isPending} onClick={() => download.mutate()}>
          {texts.common.download}
        </Button>
      </div>
      <Present query={log}>{(rows) => <Lines rows={rows} text={(search.text ?? '').toLowerCase()} />}</Present>
    </>
  )
}

function Lines({ rows, text }: { rows: readonly Line[]; text: string }): ReactNode {
  const shown = useMemo(
    () =>
      rows
        .map((line) => ({ ...line, said: fieldsOf(line.fields) }))
        .filter(({ event, said }) => `${event} ${said}`.toLowerCase().includes(text))
        .toSorted((a, b) => b.at.localeCompare(a.at)),
    [rows, text],
  )
  if (shown.length === 0) return <p className="quiet">{text === '' ? words.empty : words.nothingFound}</p>
  return (
    <ol className="log code" tabIndex={0} aria-label={texts.instance.tabs.log}>
      {shown.map((line, i) => (
        <li key={i} className={`log-${line.level}`}>
          <span className="dim nowrap">
            <When at={line.at} />
          </span>{' '}
          <strong>{line.level}</strong> <span>{line.event}</span> <span className="dim break">{line.said}</span>
        </li>
      ))}
    </ol>
  )
}

function fieldsOf(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}
