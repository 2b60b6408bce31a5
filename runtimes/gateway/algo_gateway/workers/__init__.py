"""The processes that answer calls: started, fed, replaced and reloaded."""
