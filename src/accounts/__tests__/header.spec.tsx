import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { render } from '@testing-library/react';
import * as React from 'react';

import { Header } from '../header';
import { instanceOf } from './instance';

function dotOf(upToDate: boolean): Element | null {
  const instance = instanceOf();
  const { container } = render(
    <Header
      instances={[instance]}
      current={instance}
      upToDate={upToDate}
      commands={new CommandRegistry()}
      trans={nullTranslator.load('')}
      now={0}
      choices={() => Promise.resolve([])}
    />
  );
  return container.querySelector('.jp-Rucio-dot');
}

it('tells by its dot that the user is signed in', () => {
  expect(dotOf(true)?.classList).toContain('jp-mod-signed-in');
});

it('claims nothing while nobody answers', () => {
  expect(dotOf(false)?.classList).not.toContain('jp-mod-signed-in');
});
