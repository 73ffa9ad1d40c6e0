import { Button, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useRouter, useSearch } from '@tanstack/react-router'
import { useState, type FormEvent, type ReactNode } from 'react'
import { call } from '../api/call.ts'
import { beginSession } from '../api/session.ts'
import { safeReturn } from '../model/access.ts'
import { Failure } from '../parts/states.tsx'
import { Brand } from '../parts/brand.tsx'
import { texts } from '../texts.ts'

export function SignInPage(): ReactNode {
  const router = useRouter()
  const search = useSearch({ from: '/sign-in' })
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const setup = useQuery({
    queryKey: ['setup'],
    queryFn: ({ signal }) => call('showSetup', { signal }),
    refetchInterval: false,
  })
  const signIn = useMutation({
    mutationFn: () => call('createSession', { body: { username, password } }),
    onSuccess: (made) => {
      beginSession(made)
      // It is known as it is below the path where the portal lives; the history has whole paths.
      router.history.replace(`${router.basepath.replace(/\/$/, '')}${safeReturn(search.return)}`)
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (!signIn.isPending) signIn.mutate()
  }
  return (
    <main className="door">
      <Brand />
      <form onSubmit={submit} className="door-card">
        <Stack gap="sm">
          <Title order={1}>{texts.signIn.title}</Title>
          {search.return === undefined || signIn.error !== null ? null : (
            <Text size="sm" c="dimmed">
              {texts.signIn.ended}
            </Text>
          )}
          {setup.data?.needed === true ? <div className="note">{texts.signIn.setupNeeded}</div> : null}
          {signIn.error === null ? null : <Failure error={signIn.error} title={texts.signIn.title} />}
          <TextInput
            label={texts.signIn.username}
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            data-autofocus
            required
            withAsterisk={false}
          />
          <PasswordInput
            label={texts.signIn.password}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            autoComplete="current-password"
            required
            withAsterisk={false}
          />
          <Button type="submit" loading={signIn.isPending} mt="xs">
            {texts.signIn.submit}
          </Button>
        </Stack>
      </form>
    </main>
  )
}
