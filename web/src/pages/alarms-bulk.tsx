import { Button, Modal } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import type { AlarmAnswer } from '../../../src/contract/index.ts'
import { me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { AlarmActForm } from '../parts/alarm-act-form.tsx'
import { actOnAll, alarmActs, isPossible, type AlarmAct, type GivenAct } from '../parts/alarm-acts.ts'
import { withCode } from '../parts/with-code.tsx'
import { texts } from '../texts.ts'

const { bulk: words } = texts.watch

/** What can be done to all the alarms that were chosen. Those it cannot be done to are said beforehand, those it was refused for afterwards. */
export function BulkBar({ chosen, clear }: { chosen: readonly AlarmAnswer[]; clear: () => void }): ReactNode {
  const client = useQueryClient()
  const { data: user } = useQuery(me)
  const [asked, setAsked] = useState<AlarmAct | undefined>()
  const [count, setCount] = useState(0)
  const allowed = chosen.filter((alarm) => user !== undefined && may(user.grants, 'operator', alarm.group))
  const possible = (act: AlarmAct): AlarmAnswer[] => allowed.filter((alarm) => isPossible(act, alarm))
  const work = useMutation({
    mutationFn: (given: GivenAct) =>
      actOnAll(
        possible(given.act).map(({ id }) => id),
        given,
        setCount,
      ),
    onMutate: () => setCount(0),
    onSuccess: async ({ done, refused }, { act }) => {
      if (done.length > 0)
        notifications.show({ message: words.done(done.length, texts.alarms.done[act]), color: 'petrol' })
      if (refused.length === 0) {
        setAsked(undefined)
        clear()
      }
      await client.invalidateQueries({ queryKey: ['alarms'] })
    },
  })
  const close = (): void => {
    setAsked(undefined)
    work.reset()
  }
  const refused = work.data?.refused ?? []
  const left = asked === undefined ? 0 : chosen.length - possible(asked).length
  return (
    <div className="bulk" role="region" aria-label={words.title}>
      <strong role="status">{words.chosen(chosen.length)}</strong>
      <div className="act-buttons">
        {alarmActs.map((act) => (
          <Button
            key={act}
            size="compact-sm"
            variant={act === 'acknowledge' ? 'filled' : 'default'}
            disabled={possible(act).length === 0}
            title={allowed.length === 0 ? texts.common.notAllowed : undefined}
            onClick={() => setAsked(act)}
          >
            {texts.alarms[act]}
          </Button>
        ))}
        <Button size="compact-sm" variant="subtle" color="gray" onClick={clear}>
          {words.clear}
        </Button>
      </div>
      <Modal
        opened={asked !== undefined}
        onClose={close}
        title={asked === undefined ? '' : words.ask(texts.alarms[asked], possible(asked).length)}
      >
        {asked === undefined || user === undefined ? null : (
          <>
            {left > 0 ? <p className="quiet">{words.left(left)}</p> : null}
            {work.isPending ? <p role="status">{words.progress(count, possible(asked).length)}</p> : null}
            {refused.length === 0 ? null : (
              <div className="failure" role="alert">
                <strong>{words.refused(refused.length)}</strong>
                <ul className="problems">
                  {[...new Set(refused.map(({ error }) => error.message))].map((message) => (
                    <li key={message}>{withCode(message)}</li>
                  ))}
                </ul>
              </div>
            )}
            <AlarmActForm
              act={asked}
              me={user.username}
              assigned={chosen.some((alarm) => alarm.assignedTo !== null)}
              pending={work.isPending}
              onGiven={(given) => work.mutate(given)}
              onCancel={close}
            />
          </>
        )}
      </Modal>
    </div>
  )
}
