/* The emoji that the page draws; every other one stays as its :name:. */

export const EMOJI = {
  "+1": "👍", "-1": "👎", "thumbsup": "👍", "thumbsdown": "👎", "eyes": "👀", "tada": "🎉", "heart": "❤️",
  "white_check_mark": "✅", "heavy_check_mark": "✔️", "x": "❌", "no_entry": "⛔", "no_entry_sign": "🚫",
  "warning": "⚠️", "rocket": "🚀", "fire": "🔥", "wave": "👋", "pray": "🙏", "clap": "👏", "raised_hands": "🙌",
  "ok_hand": "👌", "muscle": "💪", "thinking_face": "🤔", "smile": "😄", "slightly_smiling_face": "🙂",
  "joy": "😂", "sob": "😭", "cry": "😢", "laughing": "😆", "grin": "😁", "wink": "😉", "sunglasses": "😎",
  "heart_eyes": "😍", "scream": "😱", "angry": "😠", "confused": "😕", "sweat_smile": "😅",
  "upside_down_face": "🙃", "robot_face": "🤖", "bug": "🐛", "hammer": "🔨", "wrench": "🔧", "gear": "⚙️",
  "construction": "🚧", "rotating_light": "🚨", "bell": "🔔", "mega": "📣", "loudspeaker": "📢", "lock": "🔒",
  "unlock": "🔓", "key": "🔑", "mag": "🔍", "memo": "📝", "clipboard": "📋", "calendar": "📆", "date": "📅",
  "hourglass": "⌛", "hourglass_flowing_sand": "⏳", "stopwatch": "⏱️", "clock1": "🕐", "bulb": "💡",
  "zap": "⚡", "boom": "💥", "star": "⭐", "sparkles": "✨", "100": "💯", "question": "❓", "exclamation": "❗",
  "information_source": "ℹ️", "heavy_plus_sign": "➕", "heavy_minus_sign": "➖", "arrow_right": "➡️",
  "arrow_left": "⬅️", "arrow_up": "⬆️", "arrow_down": "⬇️", "repeat": "🔁", "arrows_counterclockwise": "🔄",
  "red_circle": "🔴", "large_green_circle": "🟢", "large_yellow_circle": "🟡", "large_blue_circle": "🔵",
  "green_heart": "💚", "blue_heart": "💙", "package": "📦", "link": "🔗", "pushpin": "📌", "paperclip": "📎",
  "chart_with_upwards_trend": "📈", "chart_with_downwards_trend": "📉", "email": "📧", "coffee": "☕",
  "beer": "🍺", "pizza": "🍕", "cake": "🍰", "gift": "🎁", "sunny": "☀️", "cloud": "☁️", "snowflake": "❄️",
  "ship": "🚢", "ambulance": "🚑", "fire_engine": "🚒", "checkered_flag": "🏁", "trophy": "🏆",
  "point_up": "☝️", "point_right": "👉", "point_left": "👈", "point_down": "👇", "skull": "💀", "ghost": "👻",
  "see_no_evil": "🙈",
};

/* What the picker offers first. */
export const OFFERED = ["+1", "-1", "white_check_mark", "x", "eyes", "tada", "heart", "joy", "thinking_face", "rocket", "fire", "warning"];
