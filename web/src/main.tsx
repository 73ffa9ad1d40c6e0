import './mantine.ts'
import './portal.css'
import './agents.css'
import './admin.css'
import './config.css'
import './watch.css'
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { queryClient } from './api/queries.ts'
import { onSession, session } from './api/session.ts'
import { router } from './router.tsx'
import { theme } from './theme.ts'

// Whoever signs in next must not see, not even for a moment, what somebody else was allowed to.
onSession(() => {
  if (session() === null) queryClient.clear()
  void router.invalidate()
})

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no element #root')

createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <Notifications position="bottom-center" autoClose={5_000} />
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
