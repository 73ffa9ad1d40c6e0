import { Button, Drawer } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { showAtOnce } from '../api/alarm-changes.ts'
import type { Answer } from '../api/call.ts'
import { alarmById, me, monitors } from '../api/queries.ts'
import { formatLasting, formatMoment } from '../format/times.ts'
import { formatValue } from '../format/values.ts'
import { may } from '../model/access.ts'
import { AlarmActForm } from '../parts/alarm-act-form.tsx'
import { actOn, alarmActs, foreseen, isPossible, type AlarmAct, type GivenAct } from '../parts/alarm-acts.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { SeverityMark } from '../parts/marks.tsx'
import { Failure, Present } from '../parts/states.tsx'
import { useNow } from '../parts/use-now.ts'
import { AlarmDestinations } from './alarm-destinations.tsx'
import { AlarmWhy } from './alarm-why.tsx'
import { texts } from '../texts.ts'

type OneAlarm = Answer<'showAlarm'>

/** One alarm beside the list: what it is, what can be done, and what was done by whom. */
export function AlarmDrawer(): ReactNode {
  const { alarm: id } = useParams({ from: '/signed-in/alarms/$alarm' })
  const search = useSearch({ from: '/signed-in/alarms' })
  const navigate = useNavigate()
  const alarm = useQuery(alarmById(id))
  return (
    <Drawer
      opened
      onClose={() => void navigate({ to: '/alarms', search })}
      position="right"
      size="md"
      title={alarm.data === undefined ? texts.alarms.title : <AlarmTitle alarm={alarm.data} />}
      closeButtonProps={{ 'aria-label': texts.common.close }}
      transitionProps={{ duration: 120 }}
    >
      <Present query={alarm}>{(loaded) => <Loaded key={loaded.id} alarm={loaded} />}</Present>
    </Drawer>
  )
}

function AlarmTitle({ alarm }: { alarm: OneAlarm }): ReactNode {
  return (
    <span className="alarm-title">
      <SeverityMark of={alarm.severity} /> {texts.alarmState[alarm.state]}
    </span>
  )
}

function Loaded({ alarm }: { alarm: OneAlarm }): ReactNode {
  const now = useNow(1_000)
  const { data: library } = useQuery(monitors)
  // A metric the monitor does not declare (an extracted one, or `failed`) is a plain number here.
  const unit =
    library?.find((one) => one.id === alarm.monitor)?.metrics.find((metric) => metric.name === alarm.metric)?.unit ?? ''
  return (
    <>
      <p className="alarm-text">{alarm.message}</p>
      {alarm.systemId === null ? null : (
        <p>
          <Link to="/systems/$id" params={{ id: alarm.systemId }}>
            {texts.alarms.openSystem}
          </Link>
        </p>
      )}
      <Acts alarm={alarm} />
      <Facts>
        <Fact name={texts.alarms.where}>
          {alarm.group} / {alarm.system} <span className="dim">{alarm.connector}</span>
        </Fact>
        <Fact name={texts.alarms.monitor}>{alarm.monitor}</Fact>
        <Fact name={texts.alarms.rule}>{alarm.rule}</Fact>
        {alarm.item === '' ? null : <Fact name={texts.alarms.item}>{alarm.item}</Fact>}
        <Fact name={texts.alarms.metric}>{alarm.metric}</Fact>
        <Fact name={texts.alarms.value}>{formatValue(alarm.value, unit)}</Fact>
        <Fact name={texts.alarms.raisedAt}>{formatMoment(alarm.raisedAt)}</Fact>
        {alarm.clearedAt === null ? null : <Fact name={texts.alarms.clearedAt}>{formatMoment(alarm.clearedAt)}</Fact>}
        <Fact name={texts.alarms.lasted}>{formatLasting(alarm.raisedAt, alarm.clearedAt ?? now)}</Fact>
        <Fact name={texts.alarms.acknowledgedBy}>{alarm.acknowledgedBy ?? texts.alarms.unacknowledged}</Fact>
        <Fact name={texts.alarms.assignedTo}>{alarm.assignedTo ?? texts.alarms.unacknowledged}</Fact>
      </Facts>
      <AlarmWhy alarm={alarm} />
      <AlarmDestinations alarm={alarm} />
      <h2 className="small-head">{texts.alarms.history}</h2>
      <ol className="history">
        {alarm.history.toReversed().map((step, i) => (
          <li key={i}>
            <span className="history-line">
              <strong>{step.what}</strong> <span>{step.by ?? texts.alarms.bySystem}</span>
              <time className="dim" dateTime={step.at}>
                {formatMoment(step.at)}
              </time>
            </span>
            {step.text === '' ? null : <span className="history-text">{step.text}</span>}
          </li>
        ))}
      </ol>
    </>
  )
}

function Acts({ alarm }: { alarm: OneAlarm }): ReactNode {
  const client = useQueryClient()
  const { data: user } = useQuery(me)
  const [asked, setAsked] = useState<AlarmAct | undefined>()
  const done = useMutation({
    mutationFn: (given: GivenAct) => actOn(alarm.id, given),
    onMutate: (given) => {
      const change = user === undefined ? undefined : foreseen(given, user.username)
      return change === undefined ? undefined : showAtOnce(client, alarm.id, change)
    },
    onError: (_error, _given, takeBack) => takeBack?.(),
    onSuccess: (_, { act }) => {
      setAsked(undefined)
      notifications.show({ message: texts.alarms.done[act], color: 'petrol' })
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['alarms'] }),
  })
  const allowed = user !== undefined && may(user.grants, 'operator', alarm.group)
  if (!allowed) return user === undefined ? null : <p className="quiet">{texts.common.notAllowed}</p>
  return (
    <div className="acts">
      <div className="act-buttons">
        {alarmActs
          .filter((act) => isPossible(act, alarm))
          .map((act) => (
            <Button
              key={act}
              size="xs"
              variant={act === 'acknowledge' && asked === undefined ? 'filled' : 'default'}
              onClick={() => setAsked(act)}
            >
              {texts.alarms[act]}
            </Button>
          ))}
      </div>
      {done.error === null ? null : <Failure error={done.error} title={texts.alarms[done.variables.act]} />}
      {asked === undefined ? null : (
        <AlarmActForm
          key={asked}
          act={asked}
          me={user.username}
          assigned={alarm.assignedTo !== null}
          pending={done.isPending}
          onGiven={(given) => done.mutate(given)}
          onCancel={() => setAsked(undefined)}
        />
      )}
    </div>
  )
}
