import { Button, TextInput, Textarea } from '@mantine/core'
import { useState, type FormEvent, type ReactNode } from 'react'
import { texts } from '../texts.ts'
import type { AlarmAct, GivenAct } from './alarm-acts.ts'

/** Asks for what an act on alarms needs: a comment, and for an assignment to whom. */
export function AlarmActForm(props: {
  readonly act: AlarmAct
  readonly me: string
  /** Whether some of them are somebody's, so that this can be taken back. */
  readonly assigned: boolean
  readonly pending: boolean
  readonly onGiven: (given: GivenAct) => void
  readonly onCancel: () => void
}): ReactNode {
  const { act, me, assigned, pending, onGiven, onCancel } = props
  const [comment, setComment] = useState('')
  const [to, setTo] = useState('')
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (!pending) onGiven({ act, comment, to: to.trim() === '' ? null : to.trim() })
  }
  return (
    <form onSubmit={submit} className="act-form">
      {act === 'assign' ? (
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
        label={act === 'comment' ? texts.alarms.commentNeeded : texts.alarms.commentOptional}
        description={act === 'clear' ? texts.alarms.clearHint : undefined}
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
        autosize
        minRows={2}
        maxLength={4_000}
        required={act === 'comment'}
        withAsterisk={false}
      />
      <div className="act-buttons">
        <Button type="submit" size="sm" loading={pending}>
          {texts.alarms[act]}
        </Button>
        {act === 'assign' ? (
          <>
            <Button size="sm" variant="default" onClick={() => onGiven({ act, comment, to: me })}>
              {texts.alarms.assignToMe}
            </Button>
            {assigned ? (
              <Button size="sm" variant="default" onClick={() => onGiven({ act, comment, to: null })}>
                {texts.alarms.unassign}
              </Button>
            ) : null}
          </>
        ) : null}
        <Button size="sm" variant="subtle" color="gray" onClick={onCancel}>
          {texts.common.cancel}
        </Button>
      </div>
    </form>
  )
}
