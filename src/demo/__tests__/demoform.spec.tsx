import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import type { DemoStatus } from '../../client/generated';
import { DemoForm } from '../demoform';
import { Demo } from '../model';
import { statusOf } from './fakedemo';

async function show(status: Partial<DemoStatus>) {
  const told = statusOf(status);
  const client = {
    demo: async () => told,
    startDemo: jest.fn(async () => told),
    stopDemo: jest.fn(async () => told)
  };
  const trans = nullTranslator.load('');
  await act(async () => {
    render(
      <DemoForm demo={new Demo(client)} trans={trans} onClose={jest.fn()} />
    );
  });
  return client;
}

const press = (name: string) =>
  act(async () => {
    fireEvent.click(screen.getByRole('button', { name }));
  });

it('starts where nothing stands in the way', async () => {
  const client = await show({});
  await press('Start the demo');
  expect(client.startDemo).toHaveBeenCalledTimes(1);
});

it('what is not installed is named with the command that brings it', async () => {
  const command =
    "python -m pip install --find-links dist 'rucio-jupyterlab[demo]==50.0.0a1'";
  await show({ state: 'missing', needs: command });
  expect(screen.getByText('Look again')).toBeTruthy();
  expect(document.querySelector('code')?.textContent).toBe(command);
});

it('the step under way is told apart from those that are over', async () => {
  await show({
    state: 'starting',
    steps: [
      { what: 'Rucio', seconds: 3 },
      { what: 'Data', seconds: null }
    ]
  });
  const [over, under] = screen.getAllByRole('listitem');
  expect(over.textContent).toBe('Rucio3 s');
  expect(over.getAttribute('aria-current')).toBeNull();
  expect(under.getAttribute('aria-current')).toBe('step');
});

it('a failure is told with its log, and can be tried again', async () => {
  const client = await show({ problem: 'Rucio failed.', log: '/demo/r.log' });
  expect(screen.getByText('Rucio failed.')).toBeTruthy();
  expect(document.querySelector('code')?.textContent).toBe('/demo/r.log');
  await press('Try again');
  expect(client.startDemo).toHaveBeenCalledTimes(1);
});
