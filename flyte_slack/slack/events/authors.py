"""Who wrote a message: a person, another bot, or the pack itself."""

from ..workspace.directory import Directory
from ..workspace.profiles import Json, mapping, text
from .base import Bot
from .common import UserObject, person

_SLACKBOT = "USLACKBOT"


def is_own(said: Json, bot: Bot) -> bool:
    """Whether the pack itself did something: this process, another replica, or the run before.

    Args:
        said: a message, or an event with the `user` that caused it.
        bot: who the pack is; what is not known of it yet matches nothing.
    """
    return any(
        mine and mine in theirs
        for mine, theirs in (
            (bot.user_id, {text(said.get("user"))}),
            (bot.bot_id, {text(said.get("bot_id"))}),
            (bot.app_id, {text(said.get("app_id")), text(mapping(said.get("bot_profile")).get("app_id"))}),
        )
    )


def is_heard(message: Json, bot: Bot) -> bool:
    """Whether somebody wrote a message who is listened to: a person, or a bot that is to be forwarded.

    A bot can post without the subtype `bot_message`: `bot_id` tells.
    """
    user, bot_id = text(message.get("user")), text(message.get("bot_id"))
    if not bot_id and user != _SLACKBOT:
        return bool(user)
    app_id = text(message.get("app_id")) or text(mapping(message.get("bot_profile")).get("app_id"))
    return bool(bot.hears & {"all", user, bot_id, app_id} - {""})


async def author(message: Json, directory: Directory) -> UserObject:
    """Return who wrote a message; a bot without a user has the bot's id and the name it used."""
    user, bot_id = text(message.get("user")), text(message.get("bot_id"))
    if user or not bot_id:
        return await person(directory, user, message.get("user_profile"), bot=bool(bot_id))
    name = text(message.get("username")) or text(mapping(message.get("bot_profile")).get("name"))
    return UserObject(id=bot_id, name=name, is_bot="true")
