import { Signal } from '@lumino/signaling';

import { FocusKeeper } from '../focuskeeper';

const focused = () => document.activeElement?.id;
const element = (id: string) => document.getElementById(id)!;
/** Observers are told once the script that changed the page has ended. */
const told = () => new Promise(resolve => setTimeout(resolve));

let keeper: FocusKeeper;
const menu = { aboutToClose: new Signal<unknown, void>({}) };

beforeEach(() => {
  document.body.innerHTML = `
    <button id="outside"></button>
    <div id="root">
      <ul id="list">
        <li id="first"><button id="one"></button><p id="strip"><button id="retry"></button></p></li>
        <li id="second"><button id="two"></button></li>
      </ul>
      <footer id="foot"><button id="clear"></button></footer>
    </div>`;
  keeper = new FocusKeeper(element('root'), menu);
});
afterEach(() => keeper.dispose());

it('the nearest thing that is left has the focus of what went', async () => {
  element('retry').focus();
  element('strip').remove();
  await told();
  expect(focused()).toBe('one');
});

it('the next line has the focus of one that went', async () => {
  element('one').focus();
  element('first').remove();
  await told();
  expect(focused()).toBe('two');
});

it('the last line has it where there is no next one', async () => {
  element('two').focus();
  element('second').remove();
  await told();
  expect(focused()).toBe('one');
});

it('a focus that is elsewhere stays there', async () => {
  element('one').focus();
  element('outside').focus();
  element('first').remove();
  await told();
  expect(focused()).toBe('outside');
});

describe('a context menu that closes', () => {
  const openMenu = (place: string) => {
    element(place).focus();
    element(place).dispatchEvent(new Event('contextmenu', { bubbles: true }));
    element(place).blur();
  };

  it('gives the focus back where it was opened', () => {
    openMenu('two');
    menu.aboutToClose.emit();
    expect(focused()).toBe('two');
  });

  it('that was opened elsewhere is not followed', () => {
    openMenu('two');
    openMenu('outside');
    menu.aboutToClose.emit();
    expect(focused()).toBeFalsy();
  });
});

it('nothing is done once it is disposed of', async () => {
  keeper.dispose();
  element('one').focus();
  element('first').remove();
  await told();
  expect(focused()).not.toBe('two');
});
