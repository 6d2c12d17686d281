-- Answers 413 after reading what the client is still sending. HAProxy's own `deny` answers and closes at once: a client
-- in the middle of its body then sees a reset connection instead of the answer. It reads so much and no more:
local DRAIN_MAX_BYTES = 64 * 1024 * 1024

core.register_service("too_large", "http", function(applet)
  local drained = 0
  repeat
    local part = applet:receive(8192)
    drained = drained + #part
  until #part == 0 or drained >= DRAIN_MAX_BYTES
  local body = '{"error": "body_too_large", "message": "The request\'s body is too large."}'
  applet:set_status(413)
  applet:add_header("content-type", "application/json")
  applet:add_header("content-length", tostring(#body))
  applet:add_header("cache-control", "no-store")
  applet:start_response()
  applet:send(body)
end)
