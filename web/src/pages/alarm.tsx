import { Button, Drawer, TextInput, Textarea } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState, type FormEvent, type ReactNode } from 'react'
import { call, type Answer } from '../api/call.ts'
import { alarmById, me, monitors, systems } from '../api/queries.ts'
import { formatLasting, formatMoment } from '../format/times.ts'
import { formatValue } from '../format/values.ts'
import { may } from '../model/access.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { SeverityMark } from '../parts/marks.tsx'
import { Failure, Present } from '../parts/states.tsx'
import { useNow } from '../parts/use-now.ts'
import { texts } from '../texts.ts'

type OneAlarm = Answer<'showAlarm'>
type Act = 'acknowledge' | 'assign' | 'comment' | 'clear'

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
  const { data: known } = useQuery(systems)
  const { data: library } = useQuery(monitors)
  // A metric the monitor does not declare (an extracted one, or `failed`) is a plain number here.
  const unit =
    library?.find((one) => one.id === alarm.monitor)?.metrics.find((metric) => metric.name === alarm.metric)?.unit ?? ''
  const system = known?.find((one) => one.group === alarm.group && one.name === alarm.system)
  return (
    <>
      <p className="alarm-text">{alarm.message}</p>
      {system === undefined ? null : (
        <p>
          <Link to="/systems/$id" params={{ id: system.id }}>
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
  const [asked, setAsked] = useState<Act | undefined>()
  const [comment, setComment] = useState('')
  const [to, setTo] = useState('')
  const params = { id: alarm.id }
  const done = useMutation({
    mutationFn: (given: { act: Act; to?: string | null }) => {
      const remark = comment.trim() === '' ? {} : { comment: comment.trim() }
      switch (given.act) {
        case 'acknowledge':
          return call('acknowledgeAlarm', { params, body: remark })
        case 'assign':
          return call('assignAlarm', { params, body: { to: given.to ?? null, ...remark } })
        case 'comment':
          return call('commentAlarm', { params, body: { comment: comment.trim() } })
        case 'clear':
          return call('clearAlarm', { params, body: remark })
      }
    },
    onSuccess: (_, { act }) => {
      setAsked(undefined)
      setComment('')
      setTo('')
      notifications.show({ message: texts.alarms.done[act], color: 'petrol' })
      return client.invalidateQueries({ queryKey: ['alarms'] })
    },
  })
  const allowed = user !== undefined && may(user.grants, 'operator', alarm.group)
  if (!allowed) return user === undefined ? null : <p className="quiet">{texts.common.notAllowed}</p>
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (asked === undefined || done.isPending) return
    done.mutate({ act: asked, to: to.trim() === '' ? null : to.trim() })
  }
  const open = alarm.state !== 'cleared'
  return (
    <div className="acts">
      <div className="act-buttons">
        {alarm.state === 'raised' ? (
          <Button
            size="sm"
            variant={asked === undefined ? 'filled' : 'default'}
            onClick={() => setAsked('acknowledge')}
          >
            {texts.alarms.acknowledge}
          </Button>
        ) : null}
        {open ? (
          <Button size="sm" variant="default" onClick={() => setAsked('assign')}>
            {texts.alarms.assign}
          </Button>
        ) : null}
        <Button size="sm" variant="default" onClick={() => setAsked('comment')}>
          {texts.alarms.comment}
        </Button>
        {open ? (
          <Button size="sm" variant="default" onClick={() => setAsked('clear')}>
            {texts.alarms.clear}
          </Button>
        ) : null}
      </div>
      {done.error === null ? null : <Failure error={done.error} title={texts.alarms[done.variables.act]} />}
      {asked === undefined ? null : (
        <form onSubmit={submit} className="act-form">
          {asked === 'assign' ? (
            <TextInput
              label={texts.alarms.assignTo}
              value={to}
              onChange={(event) => setTo(event.currentTarget.value)}
              autoCapitalize="none"
              spellCheck={false}
              required
              withAsterisk={false}
              data-autofocus
            />
          ) : null}
          <Textarea
            label={asked === 'comment' ? texts.alarms.commentNeeded : texts.alarms.commentOptional}
            description={asked === 'clear' ? texts.alarms.clearHint : undefined}
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
            autosize
            minRows={2}
            maxLength={4_000}
            required={asked === 'comment'}
            withAsterisk={false}
          />
          <div className="act-buttons">
            <Button type="submit" size="sm" loading={done.isPending}>
              {texts.alarms[asked]}
            </Button>
            {asked === 'assign' ? (
              <>
                <Button size="sm" variant="default" onClick={() => done.mutate({ act: 'assign', to: user.username })}>
                  {texts.alarms.assignToMe}
                </Button>
                {alarm.assignedTo === null ? null : (
                  <Button size="sm" variant="default" onClick={() => done.mutate({ act: 'assign', to: null })}>
                    {texts.alarms.unassign}
                  </Button>
                )}
              </>
            ) : null}
            <Button size="sm" variant="subtle" color="gray" onClick={() => setAsked(undefined)}>
              {texts.common.cancel}
            </Button>
          </div>
        </form>
      )}
    </div>
  )
}
