import { ActionIcon, Button, Title, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { weekdays } from '../../../src/model/maintenance.ts'
import { maintenancesBetween } from '../api/admin-queries.ts'
import { formatMoment } from '../format/times.ts'
import { readMonth, spanOf, weeksOf, writeMonth, type CalendarDay } from '../model/calendar.ts'
import { Icon } from '../parts/icons.tsx'
import { Present } from '../parts/states.tsx'
import { useNow } from '../parts/use-now.ts'
import { texts } from '../texts.ts'

const { maintenance: words } = texts
const dayMs = 86_400_000
const workBegins = 20

interface Shown {
  readonly name: string
  readonly from: number
  readonly to: number
}

/** A month of windows, by the reader's own clock. A day is where a new one begins. */
export function MaintenanceCalendar(props: {
  readonly edit: (name: string) => void
  readonly add: ((begins: number) => void) | undefined
}): ReactNode {
  const search = useSearch({ from: '/signed-in/administration' })
  const navigate = useNavigate({ from: '/administration' })
  const now = useNow(60_000)
  const month = readMonth(search.month, now)
  const span = spanOf(month)
  const found = useQuery(maintenancesBetween(span.from, span.to - 1))
  const go = (to: string): void =>
    void navigate({ search: (old) => ({ ...old, month: to }), replace: true, resetScroll: false })
  const title = new Date(month.year, month.month - 1, 1).toLocaleDateString('en-GB', { month: 'long', year: 'numeric' })
  return (
    <section aria-labelledby="calendar-month">
      <div className="calendar-head">
        <ActionIcon
          variant="default"
          size="lg"
          aria-label={words.before}
          title={words.before}
          onClick={() => go(writeMonth(month, -1))}
        >
          <span className="turned">
            <Icon name="chevron" />
          </span>
        </ActionIcon>
        <ActionIcon
          variant="default"
          size="lg"
          aria-label={words.after}
          title={words.after}
          onClick={() => go(writeMonth(month, 1))}
        >
          <Icon name="chevron" />
        </ActionIcon>
        <Title order={2} id="calendar-month" aria-live="polite">
          {title}
        </Title>
        <Button size="xs" variant="default" onClick={() => go('')}>
          {words.today}
        </Button>
        <span className="dim head-end">{words.yourZone(Intl.DateTimeFormat().resolvedOptions().timeZone)}</span>
      </div>
      <Present query={found}>
        {(windows) => {
          const all = windows.flatMap(({ name, occurrences }) =>
            occurrences.map(({ from, to }): Shown => ({ name, from: Date.parse(from), to: Date.parse(to) })),
          )
          return (
            <table className="calendar" aria-labelledby="calendar-month">
              <thead>
                <tr>
                  {weekdays.map((day) => (
                    <th key={day} scope="col">
                      {words.weekdays[day]}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {weeksOf(month, all, now).map((week) => (
                  <tr key={week[0]!.date}>
                    {week.map((day) => (
                      <Day key={day.date} day={day} {...props} />
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }}
      </Present>
    </section>
  )
}

function Day(props: {
  readonly day: CalendarDay<Shown>
  readonly edit: (name: string) => void
  readonly add: ((begins: number) => void) | undefined
}): ReactNode {
  const { day, edit, add } = props
  const evening = new Date(`${day.date}T${workBegins}:00`).getTime()
  return (
    <td className={day.isOfMonth ? 'calendar-day' : 'calendar-day calendar-other'}>
      <span className={day.isToday ? 'calendar-number calendar-today' : 'calendar-number'}>
        {add === undefined ? (
          <time dateTime={day.date}>{day.day}</time>
        ) : (
          <UnstyledButton aria-label={words.addOn(day.day, day.date)} onClick={() => add(evening)}>
            <time dateTime={day.date}>{day.day}</time>
          </UnstyledButton>
        )}
      </span>
      {day.what.map((one) => (
        <UnstyledButton
          key={`${one.name} ${one.from}`}
          className="calendar-window"
          title={`${formatMoment(one.from)} – ${formatMoment(one.to)}`}
          onClick={() => edit(one.name)}
        >
          <span className="number">{timeOn(one, day)}</span> {one.name}
        </UnstyledButton>
      ))}
    </td>
  )
}

/** When it is on, as far as this day goes. */
function timeOn(one: Shown, day: CalendarDay<Shown>): string {
  const clock = (at: number): string => formatMoment(at).slice(11, 16)
  const begins = one.from >= day.from
  const ends = one.to <= day.to
  if (begins && ends) return `${clock(one.from)}–${one.to === day.to ? '24:00' : clock(one.to)}`
  if (begins) return words.from(clock(one.from))
  return ends && one.to - day.from < dayMs ? words.to(clock(one.to)) : words.wholeDay
}
