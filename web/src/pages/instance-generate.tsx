import { Button, Textarea, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import { call } from '../api/call.ts'
import { Confirm } from '../parts/confirm.tsx'
import { texts } from '../texts.ts'

const { generate: words } = texts.role

/** Makes a certificate for the names by which others reach this instance; without names, for those that the machine has. */
export function GenerateForm(): ReactNode {
  const client = useQueryClient()
  const [typed, setTyped] = useState('')
  const [asked, ask] = useState(false)
  const names = typed.split(/[\s,]+/).filter((name) => name !== '')
  const generate = useMutation({
    mutationFn: () => call('generateCertificate', { body: names.length === 0 ? {} : { names } }),
    onSuccess: (made) => {
      ask(false)
      setTyped('')
      notifications.show({ message: words.done(made.names), color: 'petrol' })
      return client.invalidateQueries()
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    generate.reset()
    ask(true)
  }
  return (
    <section className="card" aria-labelledby="generate">
      <Title order={2} id="generate">
        {words.title}
      </Title>
      <p className="quiet">{words.hint}</p>
      <form onSubmit={submit} className="act-form">
        <Textarea
          label={words.names}
          description={words.namesHint}
          value={typed}
          autosize
          minRows={1}
          spellCheck={false}
          autoCapitalize="none"
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <div>
          <Button type="submit" variant="default">
            {words.act}…
          </Button>
        </div>
      </form>
      <Confirm
        opened={asked}
        title={words.confirm(names)}
        act={words.act}
        pending={generate.isPending}
        error={generate.error}
        onConfirm={() => generate.mutate()}
        onClose={() => ask(false)}
      >
        <ul className="plain-list">
          {words.means.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      </Confirm>
    </section>
  )
}
