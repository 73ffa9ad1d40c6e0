import { Button, SegmentedControl, Table } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import type { Maintenance } from '../../../src/contract/index.ts'
import { maintenances as maintenancesQuery } from '../api/admin-queries.ts'
import { call } from '../api/call.ts'
import { me } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { formatSpan } from '../format/values.ts'
import { may } from '../model/access.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Empty, Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { MaintenanceCalendar } from './maintenance-calendar.tsx'
import { MaintenanceDialog } from './maintenance-form.tsx'

const { maintenance: words } = texts
type Act = 'end' | 'remove'

/** Maintenance windows: those that are on first; as a list or as a month. One of them, or a new one, is edited in a dialog. */
export function MaintenanceTab(): ReactNode {
  const search = useSearch({ from: '/signed-in/administration' })
  const navigate = useNavigate({ from: '/administration' })
  const maintenances = useQuery(maintenancesQuery)
  const { data: user } = useQuery(me)
  const [adding, add] = useState<{ readonly begins?: number } | undefined>()
  const mayAdd = user !== undefined && may(user.grants, 'editor')
  const view = search.view === 'calendar' ? 'calendar' : 'list'
  const edit = (name: string): void =>
    void navigate({ search: (old) => ({ ...old, window: name }), resetScroll: false })
  const edited = maintenances.data?.find(({ name }) => name === search.window)
  return (
    <>
      <div className="filters">
        <SegmentedControl
          size="xs"
          aria-label={words.view}
          value={view}
          onChange={(value) => void navigate({ search: (old) => ({ ...old, view: value === 'list' ? '' : value }) })}
          data={(['list', 'calendar'] as const).map((value) => ({ value, label: words.views[value] }))}
        />
        <span className="dim grow wide-only">{words.hint}</span>
        <Button
          size="sm"
          disabled={!mayAdd}
          title={mayAdd ? undefined : texts.common.notAllowed}
          onClick={() => add({})}
        >
          {words.add}
        </Button>
      </div>
      {view === 'calendar' ? (
        <MaintenanceCalendar edit={edit} add={mayAdd ? (begins) => add({ begins }) : undefined} />
      ) : (
        <Present query={maintenances}>
          {(rows) =>
            rows.length === 0 ? <Empty title={words.empty} hint={words.emptyHint} /> : <List rows={rows} edit={edit} />
          }
        </Present>
      )}
      {adding === undefined ? null : (
        <MaintenanceDialog window={undefined} {...adding} onClose={() => add(undefined)} />
      )}
      {edited === undefined ? null : (
        <MaintenanceDialog
          key={edited.name}
          window={edited}
          onClose={() => void navigate({ search: (old) => ({ ...old, window: '' }), resetScroll: false })}
        />
      )}
    </>
  )
}

const looks = { on: 'sev-INFO', coming: 'mark-none', over: 'mark-none' } as const

function List({ rows, edit }: { rows: readonly Maintenance[]; edit: (name: string) => void }): ReactNode {
  const client = useQueryClient()
  const { data: user } = useQuery(me)
  const [asked, ask] = useState<{ readonly act: Act; readonly name: string } | undefined>()
  const act = useMutation({
    mutationFn: async (what: { readonly act: Act; readonly name: string }) => {
      const params = { name: what.name }
      await (what.act === 'end' ? call('endMaintenance', { params }) : call('removeMaintenance', { params }))
    },
    onSuccess: (_, what) => {
      ask(undefined)
      notifications.show({
        message: what.act === 'end' ? words.ended(what.name) : words.removed(what.name),
        color: 'petrol',
      })
      return client.invalidateQueries()
    },
  })
  const shown = asked ?? { act: 'end', name: '' }
  return (
    <>
      <Table.ScrollContainer minWidth={760} className="sheet">
        <Table className="stacked">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{words.columns.state}</Table.Th>
              <Table.Th>{words.columns.name}</Table.Th>
              <Table.Th>{words.columns.where}</Table.Th>
              <Table.Th>{words.columns.when}</Table.Th>
              <Table.Th>{words.columns.checks}</Table.Th>
              <Table.Th>{words.columns.by}</Table.Th>
              <Table.Th>
                <span className="visually-hidden">{words.columns.acts}</span>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((window) => {
              const allowed = user !== undefined && may(user.grants, 'editor', window.group ?? '*')
              return (
                <Table.Tr key={window.name}>
                  <Table.Td>
                    <span className={`mark ${looks[window.state]}`}>{words.states[window.state]}</span>
                  </Table.Td>
                  <Table.Td className="break">
                    <strong>{window.name}</strong>
                    <span className="dim block">{window.reason}</span>
                  </Table.Td>
                  <Table.Td className="break">
                    {scopeLine(window)}
                    <span className="dim block">{words.concerns(window.systems, window.connectors)}</span>
                  </Table.Td>
                  <Table.Td>
                    <Times window={window} />
                  </Table.Td>
                  <Table.Td className="nowrap">{words[window.checks ?? 'skip']}</Table.Td>
                  <Table.Td className="nowrap" data-label={words.columns.by}>
                    {window.by ?? texts.common.none}
                  </Table.Td>
                  <Table.Td ta="right">
                    {allowed ? (
                      <span className="tools tools-line">
                        {window.state === 'on' ? (
                          <Button
                            size="compact-sm"
                            variant="default"
                            aria-label={words.endOf(window.name)}
                            onClick={() => ask({ act: 'end', name: window.name })}
                          >
                            {words.end}
                          </Button>
                        ) : null}
                        <Button
                          size="compact-sm"
                          variant="default"
                          aria-label={words.editOf(window.name)}
                          onClick={() => edit(window.name)}
                        >
                          {words.edit}
                        </Button>
                        <Button
                          size="compact-sm"
                          variant="default"
                          aria-label={words.removeOf(window.name)}
                          onClick={() => ask({ act: 'remove', name: window.name })}
                        >
                          {words.remove}
                        </Button>
                      </span>
                    ) : null}
                  </Table.Td>
                </Table.Tr>
              )
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Confirm
        opened={asked !== undefined}
        title={shown.act === 'end' ? words.endTitle(shown.name) : words.removeTitle(shown.name)}
        act={shown.act === 'end' ? words.end : words.remove}
        dangerous={shown.act === 'remove'}
        pending={act.isPending}
        error={act.error}
        onConfirm={() => {
          if (asked !== undefined) act.mutate(asked)
        }}
        onClose={() => {
          ask(undefined)
          act.reset()
        }}
      >
        <p>{shown.act === 'end' ? words.endText : words.removeText}</p>
      </Confirm>
    </>
  )
}

function scopeLine({ group, system, connector, tags }: Maintenance): string {
  const place = [group, system, connector].filter((part) => part !== undefined).join(' / ')
  const tagged = Object.entries(tags ?? {})
    .map(([key, value]) => (value === '' ? key : `${key}=${value}`))
    .join(', ')
  const parts = [place, tagged].filter((part) => part !== '')
  return parts.length === 0 ? words.everything : parts.join(' · ')
}

function repetitionLine({ every, interval = 1, on = [], until }: NonNullable<Maintenance['repeats']>): string {
  return [
    interval === 1 ? words.repeated[every] : words.repeatedBy[every](interval),
    on.join(', '),
    until === undefined ? '' : words.until(until),
  ]
    .filter((part) => part !== '')
    .join(' ')
}

function Times({ window: { next, state, begins, lasts, zone, repeats } }: { window: Maintenance }): ReactNode {
  return (
    <>
      <span className="nowrap">
        {next === null
          ? words.wasOver
          : state === 'on'
            ? words.until(formatMoment(next.to))
            : words.next(formatMoment(next.from), formatSpan(Date.parse(next.to) - Date.parse(next.from)))}
      </span>
      <span className="dim block">
        {begins.replace('T', ' ')} {zone ?? 'UTC'}, {lasts}
        {repeats === undefined ? '' : `, ${repetitionLine(repeats)}`}
      </span>
    </>
  )
}
