import { noInstance } from './panel';
import type { IState } from './state';

/** Forms in place of the tabs. */
export const FORMS: IState[] = [
  {
    name: 'pasting a list',
    go: async panel => {
      await panel.button('More').click();
      await panel.page.getByRole('menuitem', { name: /Paste a List/ }).click();
      await panel.root.getByRole('textbox').fill('a:b\nc:d\nnonsense');
    },
    text: '1 line is no DID',
    action: 'Show 2 DIDs'
  },
  {
    name: 'a list that was pasted',
    go: async panel => {
      await panel.button(/^Show 2 DIDs/).click();
    },
    text: 'not in Rucio',
    action: /^Stage a:b/
  },
  {
    name: 'adding an instance',
    fake: noInstance,
    go: async panel => {
      await panel.button('Add an instance').click();
      await panel.root.getByText('Rarely needed').click();
    },
    text: 'Certificate authorities',
    action: 'Add'
  }
];
