import { Button, PasswordInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import { call } from '../api/call.ts'
import { me } from '../api/queries.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { Failure, Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { account: words } = texts.instance

export function AccountTab(): ReactNode {
  const user = useQuery(me)
  return (
    <div className="cards cards-wide">
      <section className="card">
        <Title order={2}>{texts.instance.tabs.account}</Title>
        <Present query={user}>
          {({ username, grants }) => (
            <Facts>
              <Fact name={words.signedInAs}>{username}</Fact>
              <Fact name={words.grants}>{grants.map(({ role, group }) => words.grant(role, group)).join(', ')}</Fact>
            </Facts>
          )}
        </Present>
        <ChangePassword />
      </section>
    </div>
  )
}

function ChangePassword(): ReactNode {
  const [password, setPassword] = useState('')
  const [next, setNext] = useState('')
  const [again, setAgain] = useState('')
  const [tried, setTried] = useState(false)
  const change = useMutation({
    mutationFn: () => call('changePassword', { body: { password, newPassword: next } }),
    onSuccess: () => {
      for (const empty of [setPassword, setNext, setAgain]) empty('')
      setTried(false)
      notifications.show({ message: words.changed, color: 'petrol' })
    },
  })
  const tooShort = next.length < 10
  const different = next !== again
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    setTried(true)
    if (!tooShort && !different) change.mutate()
  }
  return (
    <form onSubmit={submit} className="act-form">
      <h3>{words.change}</h3>
      {change.error === null ? null : <Failure error={change.error} title={words.change} />}
      <PasswordInput
        label={words.current}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        autoComplete="current-password"
        required
        withAsterisk={false}
      />
      <PasswordInput
        label={words.next}
        description={texts.setUp.passwordHint}
        value={next}
        onChange={(event) => setNext(event.currentTarget.value)}
        error={tried && tooShort ? texts.setUp.tooShort : undefined}
        autoComplete="new-password"
        required
        withAsterisk={false}
      />
      <PasswordInput
        label={words.again}
        value={again}
        onChange={(event) => setAgain(event.currentTarget.value)}
        error={tried && different ? texts.setUp.different : undefined}
        autoComplete="new-password"
        required
        withAsterisk={false}
      />
      <div>
        <Button type="submit" size="sm" loading={change.isPending}>
          {words.submit}
        </Button>
      </div>
    </form>
  )
}
