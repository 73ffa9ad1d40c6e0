import { Button, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState, type FormEvent, type ReactNode } from 'react'
import { call } from '../api/call.ts'
import { beginSession } from '../api/session.ts'
import { Empty, Failure, Present } from '../parts/states.tsx'
import { Brand } from '../parts/brand.tsx'
import { texts } from '../texts.ts'

const shortestPassword = 10

export function SetUpPage(): ReactNode {
  const { token } = useSearch({ from: '/setup' })
  const setup = useQuery({
    queryKey: ['setup'],
    queryFn: ({ signal }) => call('showSetup', { signal }),
    refetchInterval: false,
  })
  return (
    <main className="door">
      <Brand />
      <div className="door-card">
        <Title order={1} mb="xs">
          {texts.setUp.title}
        </Title>
        <Present query={setup}>
          {({ needed }) =>
            !needed ? (
              <Empty title={texts.setUp.done}>
                <Link to="/sign-in">{texts.signIn.title}</Link>
              </Empty>
            ) : token === undefined ? (
              <Empty title={texts.setUp.noToken} hint={texts.setUp.noTokenHint} />
            ) : (
              <FirstAdministrator token={token} />
            )
          }
        </Present>
      </div>
    </main>
  )
}

function FirstAdministrator({ token }: { token: string }): ReactNode {
  const navigate = useNavigate()
  const [username, setUsername] = useState('admin')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const [tried, setTried] = useState(false)
  const make = useMutation({
    mutationFn: () => call('setUp', { body: { token, username, password } }),
    onSuccess: (made) => {
      beginSession(made)
      void navigate({ to: '/first-steps', replace: true })
    },
  })
  const tooShort = password.length < shortestPassword
  const different = password !== again
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    setTried(true)
    if (!tooShort && !different && !make.isPending) make.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {texts.setUp.intro}
        </Text>
        {make.error === null ? null : <Failure error={make.error} title={texts.setUp.title} />}
        <TextInput
          label={texts.setUp.username}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          withAsterisk={false}
        />
        <PasswordInput
          label={texts.setUp.password}
          description={texts.setUp.passwordHint}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={tried && tooShort ? texts.setUp.tooShort : undefined}
          autoComplete="new-password"
          required
          withAsterisk={false}
        />
        <PasswordInput
          label={texts.setUp.again}
          value={again}
          onChange={(event) => setAgain(event.currentTarget.value)}
          error={tried && different ? texts.setUp.different : undefined}
          autoComplete="new-password"
          required
          withAsterisk={false}
        />
        <Button type="submit" loading={make.isPending} mt="xs">
          {texts.setUp.submit}
        </Button>
      </Stack>
    </form>
  )
}
